// expect: code=0 http=200 output="x" inputs_size=1000000
// Does not read 1 MB of inputs.
export default {
    async fetch(r, env, ctx) {
        return new Response('x');
    },
};
