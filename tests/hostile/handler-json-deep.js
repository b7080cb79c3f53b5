// expect: code=0 http=200 deadline=20000
// JSON nested a million deep.
export default {
    async fetch(r, env, ctx) {
        try {
            JSON.parse('['.repeat(1000000));
            return new Response('parsed');
        } catch (e) {
            return new Response(e.name);
        }
    },
};
