// expect: code=4 deadline=600
// Waits too long.
export default {
    async fetch(r, env, ctx) {
        await new Promise((f) => setTimeout(f, 60000));
    },
};
