// expect: code=0 http=200 output="RangeError"
// A number beyond what the engine has.
export default {
    async fetch(r, env, ctx) {
        try {
            return new Response(String(2n ** 10000000000n));
        } catch (e) {
            return new Response(e.name);
        }
    },
};
