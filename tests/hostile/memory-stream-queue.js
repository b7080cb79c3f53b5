// expect: code=6 deadline=30000 reason="memory"
// A stream that is filled without being asked.
export default {
    async fetch(r, env, ctx) {
        return new Response(new ReadableStream({ start(c) { for (;;) c.enqueue(new Uint8Array(1000000).fill(1)); } }));
    },
};
