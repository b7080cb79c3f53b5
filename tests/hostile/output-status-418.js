// expect: code=0 http=418 output="teapot"
// A status that means nothing here.
export default {
    async fetch(r, env, ctx) {
        return new Response('teapot', { status: 418 });
    },
};
