// expect: code=0 http=200 output="x"
// Subrequests that nobody waits for.
export default {
    async fetch(r, env, ctx) {
        for (let i = 0; i < 50; i++) fetch('http://127.0.0.1:6001/').catch(() => {});
        return new Response('x');
    },
};
