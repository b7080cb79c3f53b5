// expect: code=0 http=200 length=3
// A byte stream with its own buffers.
export default {
    async fetch(r, env, ctx) {
        return new Response(new ReadableStream({ type: 'bytes', start(c) { c.enqueue(new Uint8Array([1, 2, 3])); c.close(); } }));
    },
};
