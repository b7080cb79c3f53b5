// expect: code=3
// The same in disguise.
import x from "./%2e%2e/%2e%2e/etc/passwd";
export default {
    async fetch(r, env, ctx) {
        return new Response(String(x));
    },
};
