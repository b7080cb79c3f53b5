// expect: code=3
// A name that the entry module might have.
import x from "e";
export default {
    async fetch(r, env, ctx) {
        return new Response(String(x));
    },
};
