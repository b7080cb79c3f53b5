// expect: code=5 length=0 deadline=20000
// One byte over the limit, as a stream.
export default {
    async fetch(r, env, ctx) {
        let left = 90001;
        return new Response(new ReadableStream({ pull(c) { if (left === 0) return c.close(); const n = Math.min(left, 1000); left -= n; c.enqueue(new Uint8Array(n)); } }));
    },
};
