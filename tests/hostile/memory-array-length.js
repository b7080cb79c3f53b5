// expect: code=0 http=200 output="RangeError"
// An array of impossible length.
export default {
    async fetch(r, env, ctx) {
        try {
            return new Response(String(new Array(-1)));
        } catch (e) {
            return new Response(e.name);
        }
    },
};
