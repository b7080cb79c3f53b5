// expect: code=4 deadline=700
// Sends half of its output, then loops.
export default {
    async fetch(r, env, ctx) {
        let n = 0;
        return new Response(new ReadableStream({ pull(c) { if (n++ < 5) c.enqueue(new Uint8Array(1000)); else for (;;) {} } }));
    },
};
