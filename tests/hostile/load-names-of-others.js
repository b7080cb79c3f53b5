// expect: code=0 http=200 output="x"
// Declares what the runtime has too.
const Response_ = Response;
let fetch = 1, Request = 2, globalThis_ = globalThis;
export default {
    async fetch(r, env, ctx) {
        return new Response_('x');
    },
};
