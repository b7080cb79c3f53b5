// expect: code=0 http=200 output="x"
// Other ways to wait.
export default {
    async fetch(r, env, ctx) {
        await scheduler.wait(20);
        return new Response('x');
    },
};
