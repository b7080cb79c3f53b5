// expect: code=3
// The internal module of tests.
import x from "workerd:unsafe";
export default {
    async fetch(r, env, ctx) {
        return new Response(String(x));
    },
};
