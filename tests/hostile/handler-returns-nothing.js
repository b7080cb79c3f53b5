// expect: code=0 http=500 output="Internal Server Error"
// Returns nothing.
export default {
    async fetch(r, env, ctx) {
        return;
    },
};
