// expect: code=0 http=200 output="status 500" deadline=20000
// An address that providers share. The gateway does not go there.
export default {
    async fetch(r, env, ctx) {
        return new Response(await fetch('http://100.64.0.1/').then((x) => 'status ' + x.status, (e) => 'refused'));
    },
};
