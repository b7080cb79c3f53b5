// expect: code=0 http=200 output="a\nb" inputs="a\nb"
// Inputs come as they are.
export default {
    async fetch(r, env, ctx) {
        return new Response(await r.arrayBuffer());
    },
};
