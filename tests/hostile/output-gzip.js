// expect: code=0 http=200
// Asks for compression.
export default {
    async fetch(r, env, ctx) {
        return new Response('x'.repeat(1000), { headers: { 'content-encoding': 'gzip' } });
    },
};
