// expect: code=0 deadline=20000 deterministic=0
// An upload without end to where nobody goes.
export default {
    async fetch(r, env, ctx) {
        const body = new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(65536)); } });
        return new Response(await fetch('http://127.0.0.1:6001/', { method: 'POST', body }).then((x) => 'status ' + x.status, () => 'refused'));
    },
};
