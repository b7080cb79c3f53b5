// expect: code=4 deadline=600
// Timers of 0 ms without end.
export default {
    async fetch(r, env, ctx) {
        const f = () => setTimeout(f, 0);
        f();
        await new Promise((g) => setTimeout(g, 60000));
    },
};
