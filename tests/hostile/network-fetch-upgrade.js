// expect: code=0 deadline=20000
// An upgrade to a web socket through fetch.
export default {
    async fetch(r, env, ctx) {
        return new Response(await fetch('http://127.0.0.1:6001/', { headers: { upgrade: 'websocket' } }).then((x) => 'status ' + x.status, () => 'refused'));
    },
};
