// expect: code=0 http=200 output="1000000" inputs_size=1000000 deadline=20000
// Reads 1 MB of inputs.
export default {
    async fetch(r, env, ctx) {
        return new Response(String((await r.arrayBuffer()).byteLength));
    },
};
