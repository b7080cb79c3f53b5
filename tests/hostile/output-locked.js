// expect: code=6
// A body that somebody else reads.
export default {
    async fetch(r, env, ctx) {
        const a = new Response('x');
        a.body.getReader();
        return a;
    },
};
