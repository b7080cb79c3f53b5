// expect: code=0 http=200 output="x"
// Answers, then eats memory.
export default {
    async fetch(r, env, ctx) {
        ctx.waitUntil((async () => {
            await new Promise((f) => setTimeout(f, 100));
            const a = [];
            for (;;) a.push(new Array(100000).fill(1.5));
        })());
        return new Response('x');
    },
};
