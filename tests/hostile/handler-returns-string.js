// expect: code=0 http=500 output="Internal Server Error"
// Returns a string.
export default {
    async fetch(r, env, ctx) {
        return 'x';
    },
};
