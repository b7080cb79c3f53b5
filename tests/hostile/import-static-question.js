// expect: code=3
// A specifier that looks like the question.
import x from "/main?specifier=/main";
export default {
    async fetch(r, env, ctx) {
        return new Response(String(x));
    },
};
