// expect: code=0 http=200 output="AbortError" deadline=20000
// A subrequest that is taken back.
export default {
    async fetch(r, env, ctx) {
        const c = new AbortController();
        const p = fetch('http://127.0.0.1:6001/', { signal: c.signal });
        c.abort();
        return new Response(await p.then(() => 'answer', (e) => e.name));
    },
};
