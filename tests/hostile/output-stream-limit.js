// expect: code=0 http=200 length=90000 deadline=20000
// Exactly the limit, as a stream.
export default {
    async fetch(r, env, ctx) {
        let n = 0;
        return new Response(new ReadableStream({ pull(c) { if (n++ < 90) c.enqueue(new Uint8Array(1000)); else c.close(); } }));
    },
};
