// expect: code=0 http=200 length=20
// A byte now and then, in time.
export default {
    async fetch(r, env, ctx) {
        let n = 0;
        return new Response(new ReadableStream({ async pull(c) { await new Promise((f) => setTimeout(f, 10)); if (n++ < 20) c.enqueue(new Uint8Array(1)); else c.close(); } }));
    },
};
