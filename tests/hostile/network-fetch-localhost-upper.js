// expect: code=0 http=200 output="status 500" deadline=20000
// The same name in capitals. The gateway does not go there.
export default {
    async fetch(r, env, ctx) {
        return new Response(await fetch('http://LOCALHOST:6001/').then((x) => 'status ' + x.status, (e) => 'refused'));
    },
};
