// expect: code=0 http=200 length=3000 deadline=20000
// Three thousand chunks of one byte.
export default {
    async fetch(r, env, ctx) {
        let n = 0;
        return new Response(new ReadableStream({ pull(c) { if (n++ < 3000) c.enqueue(new Uint8Array(1)); else c.close(); } }));
    },
};
