// expect: code=0 http=500 output="Internal Server Error"
// Reads its inputs twice.
export default {
    async fetch(r, env, ctx) {
        await r.text();
        return new Response(await r.text());
    },
};
