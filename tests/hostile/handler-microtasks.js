// expect: code=4 deadline=600
// Microtasks without end.
export default {
    async fetch(r, env, ctx) {
        for (;;) await null;
    },
};
