// expect: code=0 http=200 output="true"
// Time does not run backwards.
export default {
    async fetch(r, env, ctx) {
        let ok = true, last = 0;
        for (let i = 0; i < 1000; i++) {
            const now = Date.now();
            ok &&= now >= last;
            last = now;
        }
        return new Response(String(ok));
    },
};
