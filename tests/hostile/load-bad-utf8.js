// expect: code=0 http=200 output="65533"
// Bytes that are not UTF-8 become U+FFFD, as in a config file.
export default {
    async fetch(r, env, ctx) {
        return new Response(String('ÿ'.charCodeAt(0)));
    },
};
