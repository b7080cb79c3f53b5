// expect: code=0 http=200 output="status 500" deadline=20000
// With credentials. The gateway does not go there.
export default {
    async fetch(r, env, ctx) {
        return new Response(await fetch('http://user:secret@127.0.0.1:6001/').then((x) => 'status ' + x.status, (e) => 'refused'));
    },
};
