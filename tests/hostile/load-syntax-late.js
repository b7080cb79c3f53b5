// expect: code=3 reason="SyntaxError"
// Good code with a bad last line.
export default {
    async fetch(r, env, ctx) {
        return new Response('x');
    },
};

}
