// expect: code=0 http=500
// Aborts its own context.
export default {
    async fetch(r, env, ctx) {
        ctx.abort(new Error('mine'));
        return new Response('x');
    },
};
