// expect: code=0 http=200 output="2000" deadline=20000
// Two thousand timers that fire together.
export default {
    async fetch(r, env, ctx) {
        let n = 0;
        await Promise.all(Array.from({ length: 2000 }, () => new Promise((f) => setTimeout(() => f(n++), 5))));
        return new Response(String(n));
    },
};
