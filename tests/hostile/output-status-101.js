// expect: code=0 http=500 output="Internal Server Error"
// A change of protocol that nobody asked for.
export default {
    async fetch(r, env, ctx) {
        return new Response(null, { status: 101 });
    },
};
