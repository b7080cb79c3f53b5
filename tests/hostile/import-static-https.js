// expect: code=3
// A module from the network.
import x from "https://example.com/x.js";
export default {
    async fetch(r, env, ctx) {
        return new Response(String(x));
    },
};
