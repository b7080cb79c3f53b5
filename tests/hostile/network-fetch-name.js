// expect: code=0 http=200 deadline=30000 output="status 500"
// A name that cannot be looked up.
export default {
    async fetch(r, env, ctx) {
        return new Response(await fetch('http://example.com/').then((x) => 'status ' + x.status, (e) => 'refused'));
    },
};
