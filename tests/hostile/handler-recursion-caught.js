// expect: code=0 http=200 output="RangeError"
// Endless recursion, caught.
export default {
    async fetch(r, env, ctx) {
        const f = () => f() + 1;
        try {
            f();
        } catch (e) {
            return new Response(e.name);
        }
    },
};
