// expect: code=0 http=204 length=0
// No content.
export default {
    async fetch(r, env, ctx) {
        return new Response(null, { status: 204 });
    },
};
