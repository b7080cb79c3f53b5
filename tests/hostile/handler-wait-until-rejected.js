// expect: code=0 http=200 output="x"
// Background work that fails.
export default {
    async fetch(r, env, ctx) {
        ctx.waitUntil(Promise.reject(new Error('x')));
        return new Response('x');
    },
};
