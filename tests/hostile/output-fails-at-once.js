// expect: code=6
// Fails before the first byte of its output, after the status was decided.
export default {
    async fetch(r, env, ctx) {
        return new Response(new ReadableStream({ pull(c) { c.error(new Error('cut')); } }));
    },
};
