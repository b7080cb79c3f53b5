// expect: code=3
// An internal module of Node compatibility.
import x from "node-internal:process";
export default {
    async fetch(r, env, ctx) {
        return new Response(String(x));
    },
};
