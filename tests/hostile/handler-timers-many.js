// expect: code=0 http=200 output="x" deadline=20000
// Ten thousand timers that are still pending when it answers.
export default {
    async fetch(r, env, ctx) {
        for (let i = 0; i < 10000; i++) setTimeout(() => {}, 1e6);
        return new Response('x');
    },
};
