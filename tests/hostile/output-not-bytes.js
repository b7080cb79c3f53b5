// expect: code=6
// A stream of things that are not bytes.
export default {
    async fetch(r, env, ctx) {
        return new Response(new ReadableStream({ start(c) { c.enqueue({}); c.close(); } }));
    },
};
