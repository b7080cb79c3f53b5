// expect: code=0 http=200 output="1,2,8,11,12,14,31,127"
// Control bytes in a string.
export default {
    async fetch(r, env, ctx) {
        return new Response([...''].map((c) => c.charCodeAt(0)).join());
    },
};
