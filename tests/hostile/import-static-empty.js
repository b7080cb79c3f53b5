// expect: code=3
// An empty specifier.
import x from "";
export default {
    async fetch(r, env, ctx) {
        return new Response(String(x));
    },
};
