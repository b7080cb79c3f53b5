// expect: code=6
// A stream that has no more to say and does not end.
export default {
    async fetch(r, env, ctx) {
        return new Response(new ReadableStream({ start(c) { c.enqueue(new Uint8Array(5)); } }));
    },
};
