// expect: code=6 deadline=30000
// Sends half of its output, then eats memory.
export default {
    async fetch(r, env, ctx) {
        let n = 0;
        return new Response(new ReadableStream({ pull(c) { if (n++ < 5) return c.enqueue(new Uint8Array(1000)); const a = []; for (;;) a.push(new Array(100000).fill(1.5)); } }));
    },
};
