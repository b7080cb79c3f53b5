// expect: code=4 deadline=700
// A stream of empty chunks without end.
export default {
    async fetch(r, env, ctx) {
        return new Response(new ReadableStream({ async pull(c) { await new Promise((f) => setTimeout(f, 1)); c.enqueue(new Uint8Array(0)); } }));
    },
};
