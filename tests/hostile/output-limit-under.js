// expect: code=0 http=200 length=89999
// One byte under the limit.
export default {
    async fetch(r, env, ctx) {
        return new Response('x'.repeat(89999));
    },
};
