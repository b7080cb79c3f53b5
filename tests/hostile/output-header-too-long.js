// expect: code=6 reason="head"
// Headers of 2 MB.
export default {
    async fetch(r, env, ctx) {
        return new Response('x', { headers: { x: 'y'.repeat(2000000) } });
    },
};
