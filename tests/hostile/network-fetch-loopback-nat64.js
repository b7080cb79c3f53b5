// expect: code=0 http=200 deadline=20000
// The loopback address behind a translation prefix. The gateway does not go there.
export default {
    async fetch(r, env, ctx) {
        return new Response(await fetch('http://[64:ff9b::7f00:1]:6001/').then((x) => 'status ' + x.status, (e) => 'refused'));
    },
};
