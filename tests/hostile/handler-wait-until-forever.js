// expect: code=0 http=200 output="x" deadline=3000
// Work that goes on after the response does not delay it.
export default {
    async fetch(r, env, ctx) {
        ctx.waitUntil(new Promise((f) => setTimeout(f, 1e6)));
        return new Response('x');
    },
};
