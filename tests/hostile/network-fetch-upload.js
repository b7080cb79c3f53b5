// expect: code=0 http=200 output="status 500" deadline=20000
// A large upload to where nobody goes.
export default {
    async fetch(r, env, ctx) {
        return new Response(await fetch('http://127.0.0.1:6001/', { method: 'POST', body: new Uint8Array(1000000) }).then((x) => 'status ' + x.status, () => 'refused'));
    },
};
