// expect: code=5 length=0
// One byte over the limit.
export default {
    async fetch(r, env, ctx) {
        return new Response('x'.repeat(90001));
    },
};
