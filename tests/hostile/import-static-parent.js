// expect: code=3
// A path that climbs.
import x from "../../../../etc/passwd";
export default {
    async fetch(r, env, ctx) {
        return new Response(String(x));
    },
};
