// expect: code=0 http=200 output="QuotaExceededError"
// More random bytes at once than is allowed.
export default {
    async fetch(r, env, ctx) {
        try {
            crypto.getRandomValues(new Uint8Array(100000));
        } catch (e) {
            return new Response(e.name);
        }
    },
};
