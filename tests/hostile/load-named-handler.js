// expect: code=0 http=200 output="main"
// A second, named handler beside the default one.
export const other = { fetch() { return new Response("other"); } };
export default {
    async fetch(r, env, ctx) {
        return new Response('main');
    },
};
