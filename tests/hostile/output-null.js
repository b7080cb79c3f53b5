// expect: code=0 http=200 length=0
// No body.
export default {
    async fetch(r, env, ctx) {
        return new Response(null);
    },
};
