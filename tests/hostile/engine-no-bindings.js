// expect: code=0 http=200 output="0"
// The environment is empty.
export default {
    async fetch(r, env, ctx) {
        return new Response(String(Object.keys(env).length));
    },
};
