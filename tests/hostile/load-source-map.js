// expect: code=0 http=200 output="x"
// A source-map comment is not followed.
export default {
    async fetch(r, env, ctx) {
        return new Response('x');
    },
};
//# sourceMappingURL=http://127.0.0.1:6001/x.map
