// expect: code=6
// The source of its output throws.
export default {
    async fetch(r, env, ctx) {
        let n = 0;
        return new Response(new ReadableStream({ pull(c) { if (n++ > 1) throw new Error('x'); c.enqueue(new Uint8Array(5)); } }));
    },
};
