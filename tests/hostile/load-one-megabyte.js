// expect: code=0 http=200 output="x" pad=1000000
// Code of 1 MB.
export default {
    async fetch(r, env, ctx) {
        return new Response('x');
    },
};
