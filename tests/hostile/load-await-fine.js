// expect: code=0 http=200 output="7"
// Top-level await that comes.
const n = await Promise.resolve(7);
export default {
    async fetch(r, env, ctx) {
        return new Response(String(n));
    },
};
