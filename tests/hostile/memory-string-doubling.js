// expect: code=0 http=200 output="RangeError" deadline=30000
// A string that doubles: it ends at the engine's own bound.
export default {
    async fetch(r, env, ctx) {
        let s = 'x';
        try {
            for (;;) s += s;
        } catch (e) {
            return new Response(e.name);
        }
    },
};
