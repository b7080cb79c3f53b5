// expect: code=0 http=200 output="100000" deadline=20000
// A hundred thousand promises.
export default {
    async fetch(r, env, ctx) {
        const a = await Promise.all(Array.from({ length: 100000 }, (_, i) => Promise.resolve(i)));
        return new Response(String(a.length));
    },
};
