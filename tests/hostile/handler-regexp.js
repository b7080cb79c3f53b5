// expect: code=4 deadline=600
// A regular expression that takes for ever.
export default {
    async fetch(r, env, ctx) {
        return new Response(String(/^(a+)+$/.test('a'.repeat(60) + 'b')));
    },
};
