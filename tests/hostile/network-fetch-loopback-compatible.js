// expect: code=0 http=200 deadline=20000
// The loopback address in the old embedding. The gateway does not go there.
export default {
    async fetch(r, env, ctx) {
        return new Response(await fetch('http://[::127.0.0.1]:6001/').then((x) => 'status ' + x.status, (e) => 'refused'));
    },
};
