// expect: code=0 http=500 output="Internal Server Error"
// A comparison that throws.
export default {
    async fetch(r, env, ctx) {
        return new Response(String([3, 1, 2].sort(() => { throw new Error('x'); })));
    },
};
