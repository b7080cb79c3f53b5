// expect: code=0 http=200 output="TimeoutError"
// A signal that ends a wait.
export default {
    async fetch(r, env, ctx) {
        return new Response(await new Promise((f) => { const s = AbortSignal.timeout(30); s.onabort = () => f(s.reason.name); }));
    },
};
