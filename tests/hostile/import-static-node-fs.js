// expect: code=3
// Node modules do not exist at this compatibility date.
import x from "node:fs";
export default {
    async fetch(r, env, ctx) {
        return new Response(String(x));
    },
};
