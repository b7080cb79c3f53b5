// expect: code=0 http=200 output="nobody there" deadline=20000
// A large upload to where nobody goes. The refusal is read as status 500, or breaks the upload off when it comes first.
export default {
    async fetch(r, env, ctx) {
        const sent = fetch('http://127.0.0.1:6001/', { method: 'POST', body: new Uint8Array(1000000) });
        return new Response(await sent.then((x) => x.status === 500, () => true) ? 'nobody there' : 'answered');
    },
};
