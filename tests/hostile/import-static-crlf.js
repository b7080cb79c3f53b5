// expect: code=3
// A specifier that would split a request.
import x from "x\r\nHost: y\r\n\r\nGET /";
export default {
    async fetch(r, env, ctx) {
        return new Response(String(x));
    },
};
