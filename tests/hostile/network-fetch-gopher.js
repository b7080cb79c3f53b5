// expect: code=0 deadline=20000 output="refused"
// A scheme that fetch does not have: gopher.
export default {
    async fetch(r, env, ctx) {
        return new Response(await fetch('gopher://127.0.0.1:6001/_x').then((x) => 'status ' + x.status, (e) => 'refused'));
    },
};
