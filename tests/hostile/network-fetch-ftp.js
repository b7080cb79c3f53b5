// expect: code=0 deadline=20000 output="refused"
// A scheme that fetch does not have: ftp.
export default {
    async fetch(r, env, ctx) {
        return new Response(await fetch('ftp://127.0.0.1/').then((x) => 'status ' + x.status, (e) => 'refused'));
    },
};
