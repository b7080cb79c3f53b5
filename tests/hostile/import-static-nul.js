// expect: code=3
// A specifier with a NUL.
import x from "x\0y";
export default {
    async fetch(r, env, ctx) {
        return new Response(String(x));
    },
};
