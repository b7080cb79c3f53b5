// expect: code=4 deadline=700
// A byte now and then, past the deadline.
export default {
    async fetch(r, env, ctx) {
        return new Response(new ReadableStream({ async pull(c) { await new Promise((f) => setTimeout(f, 20)); c.enqueue(new Uint8Array(1)); } }));
    },
};
