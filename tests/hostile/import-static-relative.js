// expect: code=3
// A relative module that is nowhere.
import x from "./nope.js";
export default {
    async fetch(r, env, ctx) {
        return new Response(String(x));
    },
};
