// expect: code=4 deadline=600
// An endless loop.
export default {
    async fetch(r, env, ctx) {
        for (;;) {}
    },
};
