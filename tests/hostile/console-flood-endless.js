// expect: code=4 deadline=700
// Console output without end.
export default {
    async fetch(r, env, ctx) {
        for (;;) console.log('y'.repeat(100));
    },
};
