// expect: code=0 http=200 output="status 500" deadline=20000
// The API of the node on the loopback address. The gateway does not go there.
export default {
    async fetch(r, env, ctx) {
        return new Response(await fetch('http://127.0.0.1:6001/').then((x) => 'status ' + x.status, (e) => 'refused'));
    },
};
