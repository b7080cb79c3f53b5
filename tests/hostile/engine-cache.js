// expect: code=0 http=200 output="Error"
// There is no cache that another job could read.
export default {
    async fetch(r, env, ctx) {
        return new Response(await caches.default.match('http://x.test/').then(() => 'cache', (e) => e.name));
    },
};
