// expect: code=0 http=200 output="x" deadline=30000
// A line of 2 MB.
export default {
    async fetch(r, env, ctx) {
        console.log('y'.repeat(2000000));
        return new Response('x');
    },
};
