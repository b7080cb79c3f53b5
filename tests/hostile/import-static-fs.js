// expect: code=3
// The same without its prefix.
import x from "fs";
export default {
    async fetch(r, env, ctx) {
        return new Response(String(x));
    },
};
