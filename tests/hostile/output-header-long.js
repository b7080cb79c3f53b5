// expect: code=0 http=200 output="x"
// A header of 500 KB.
export default {
    async fetch(r, env, ctx) {
        return new Response('x', { headers: { x: 'y'.repeat(500000) } });
    },
};
