// expect: code=0 deadline=30000 http=200
// Three hundred subrequests at once.
export default {
    async fetch(r, env, ctx) {
        const all = await Promise.allSettled(Array.from({ length: 300 }, (_, i) => fetch('http://127.0.0.1:6001/' + i)));
        return new Response(String(all.length));
    },
};
