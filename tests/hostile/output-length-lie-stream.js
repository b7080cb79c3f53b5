// expect: code=0 http=200 length=5
// A Content-Length of its own before a stream that is shorter: dropped.
export default {
    async fetch(r, env, ctx) {
        return new Response(new ReadableStream({ start(c) { c.enqueue(new Uint8Array(5)); c.close(); } }), { headers: { 'content-length': '500' } });
    },
};
