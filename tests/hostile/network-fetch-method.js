// expect: code=0 deadline=20000
// A method that would make a tunnel.
export default {
    async fetch(r, env, ctx) {
        return new Response(await (async () => fetch('http://127.0.0.1:6001/', { method: 'CONNECT' }))().then((x) => 'status ' + x.status, () => 'refused'));
    },
};
