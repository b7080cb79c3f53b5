// expect: code=3
// A file.
import x from "file:///etc/passwd";
export default {
    async fetch(r, env, ctx) {
        return new Response(String(x));
    },
};
