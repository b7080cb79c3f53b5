// expect: code=0 http=500 output="Internal Server Error"
// Throws.
export default {
    async fetch(r, env, ctx) {
        throw new Error('bad');
    },
};
