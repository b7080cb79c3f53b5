// expect: code=0 http=500 output="Internal Server Error"
// An impossible status.
export default {
    async fetch(r, env, ctx) {
        return new Response('x', { status: 99 });
    },
};
