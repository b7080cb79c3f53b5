// expect: code=0 http=200 output="status 500" deadline=20000
// A Host header that names another machine.
export default {
    async fetch(r, env, ctx) {
        return new Response(await fetch('http://127.0.0.1:6001/', { headers: { host: 'example.com', 'x-forwarded-for': '8.8.8.8', 'proxy-connection': 'keep-alive' } }).then((x) => 'status ' + x.status, (e) => 'refused'));
    },
};
