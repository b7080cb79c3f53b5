// expect: code=0 http=500
// Waits for nothing: the runtime sees that and says so at once.
export default {
    async fetch(r, env, ctx) {
        await new Promise(() => {});
    },
};
