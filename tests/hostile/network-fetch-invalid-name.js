// expect: code=0 http=200 deadline=30000 output="status 500"
// A name that does not exist.
export default {
    async fetch(r, env, ctx) {
        return new Response(await fetch('http://nowhere.invalid/').then((x) => 'status ' + x.status, (e) => 'refused'));
    },
};
