// expect: code=3
// A module that is nowhere.
import x from "nope";
export default {
    async fetch(r, env, ctx) {
        return new Response(String(x));
    },
};
