// expect: code=0 http=200 output="x" deadline=30000
// Floods the console at the top level.
for (let i = 0; i < 500; i++) console.log("y".repeat(1000));
export default {
    async fetch(r, env, ctx) {
        return new Response('x');
    },
};
