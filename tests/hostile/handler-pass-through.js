// expect: code=0 http=500
// Asks for the origin on failure, and fails: there is no origin.
export default {
    async fetch(r, env, ctx) {
        ctx.passThroughOnException();
        throw new Error('x');
    },
};
