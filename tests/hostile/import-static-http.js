// expect: code=3
// A module from the API port.
import x from "http://127.0.0.1:6001/x.js";
export default {
    async fetch(r, env, ctx) {
        return new Response(String(x));
    },
};
