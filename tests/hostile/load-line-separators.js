// expect: code=0 http=200 output="8232,8233"
// U+2028 and U+2029 in a string.
export default {
    async fetch(r, env, ctx) {
        return new Response([...'  '].map((c) => c.charCodeAt(0)).join());
    },
};
