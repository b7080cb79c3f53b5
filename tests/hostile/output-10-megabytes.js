// expect: code=5 deadline=30000
// Says that it will send 10 MB.
export default {
    async fetch(r, env, ctx) {
        return new Response(new Uint8Array(10000000));
    },
};
