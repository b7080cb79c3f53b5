// expect: code=3
// An internal module.
import x from "cloudflare-internal:sockets";
export default {
    async fetch(r, env, ctx) {
        return new Response(String(x));
    },
};
