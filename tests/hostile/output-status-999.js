// expect: code=0 http=500
// A status beyond all.
export default {
    async fetch(r, env, ctx) {
        return new Response('x', { status: 1000 });
    },
};
