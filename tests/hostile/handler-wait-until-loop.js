// expect: code=0 http=200 output="x" deadline=3000
// An endless loop after the response.
export default {
    async fetch(r, env, ctx) {
        ctx.waitUntil((async () => {
            await new Promise((f) => setTimeout(f, 50));
            for (;;) {}
        })());
        return new Response('x');
    },
};
