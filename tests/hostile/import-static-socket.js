// expect: code=3
// The socket that the question came through.
import x from "/slot/fb.sock";
export default {
    async fetch(r, env, ctx) {
        return new Response(String(x));
    },
};
