// expect: code=0 http=200 output="refused" deadline=20000
// A header that would split the request to the gateway.
export default {
    async fetch(r, env, ctx) {
        return new Response(await (async () => fetch('http://127.0.0.1:6001/', { headers: { x: 'y\r\n\r\nGET http://127.0.0.1:6001/ HTTP/1.1' } }))().then((x) => 'status ' + x.status, () => 'refused'));
    },
};
