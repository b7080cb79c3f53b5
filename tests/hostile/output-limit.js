// expect: code=0 http=200 length=90000
// Exactly the limit.
export default {
    async fetch(r, env, ctx) {
        return new Response('x'.repeat(90000));
    },
};
