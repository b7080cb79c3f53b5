// expect: code=0 http=500 output="Internal Server Error"
// Endless recursion.
export default {
    async fetch(r, env, ctx) {
        const f = () => f() + 1;
        return new Response(String(f()));
    },
};
