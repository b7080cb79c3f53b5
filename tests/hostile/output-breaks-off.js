// expect: code=6
// Fails in the middle of its output.
export default {
    async fetch(r, env, ctx) {
        let n = 0;
        return new Response(new ReadableStream({ pull(c) { if (n++ < 3) c.enqueue(new Uint8Array(10)); else c.error(new Error('cut')); } }));
    },
};
