// expect: code=5
// Promises more bytes than there may be.
export default {
    async fetch(r, env, ctx) {
        const { readable } = new FixedLengthStream(1e12);
        return new Response(readable);
    },
};
