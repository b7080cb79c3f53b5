// expect: code=0 http=500 output="Internal Server Error"
// No content, with content.
export default {
    async fetch(r, env, ctx) {
        return new Response('x', { status: 204 });
    },
};
