// expect: code=0 http=500 output="Internal Server Error"
// A body that was used before.
export default {
    async fetch(r, env, ctx) {
        const a = new Response('x');
        await a.text();
        return a;
    },
};
