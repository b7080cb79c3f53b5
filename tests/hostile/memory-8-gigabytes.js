// expect: code=6 deadline=30000
// One buffer of 8 GB.
export default {
    async fetch(r, env, ctx) {
        return new Response(String(new Uint8Array(8e9).fill(1).length));
    },
};
