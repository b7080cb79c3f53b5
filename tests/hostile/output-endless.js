// expect: code=5
// Never ends.
export default {
    async fetch(r, env, ctx) {
        return new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(65536)); } }));
    },
};
