// expect: code=0 http=200 output="32" deadline=30000
// A hash of 20 MB.
export default {
    async fetch(r, env, ctx) {
        return new Response(String((await crypto.subtle.digest('SHA-256', new Uint8Array(20000000))).byteLength));
    },
};
