// expect: code=0 http=500 output="Internal Server Error"
// Returns its request.
export default {
    async fetch(r, env, ctx) {
        return r;
    },
};
