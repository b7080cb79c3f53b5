// expect: code=3
// A named export that is no handler.
export const version = 1;
export default {
    async fetch(r, env, ctx) {
        return new Response('x');
    },
};
