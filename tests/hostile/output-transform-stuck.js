// expect: code=6
// A pipe that nobody writes to.
export default {
    async fetch(r, env, ctx) {
        const { readable } = new TransformStream();
        return new Response(readable);
    },
};
