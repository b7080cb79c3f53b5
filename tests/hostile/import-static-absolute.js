// expect: code=3
// An absolute path.
import x from "/etc/passwd";
export default {
    async fetch(r, env, ctx) {
        return new Response(String(x));
    },
};
