// expect: code=0 http=304 length=0
// Not modified.
export default {
    async fetch(r, env, ctx) {
        return new Response(null, { status: 304 });
    },
};
