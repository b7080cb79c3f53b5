// expect: code=0 http=500 output="Internal Server Error"
// Response is something else.
globalThis.Response = class { constructor(x) { this.x = x; } };
export default {
    async fetch(r, env, ctx) {
        return new Response('x');
    },
};
