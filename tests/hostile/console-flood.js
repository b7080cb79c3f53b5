// expect: code=0 http=200 output="x" deadline=30000
// Far more console output than is kept.
export default {
    async fetch(r, env, ctx) {
        for (let i = 0; i < 2000; i++) console.log('y'.repeat(500));
        return new Response('x');
    },
};
