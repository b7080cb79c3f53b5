// expect: code=0 http=200 deadline=20000 output="refused"
// A public address, to which there is no way: an answer, not a wait.
export default {
    async fetch(r, env, ctx) {
        return new Response(await fetch('http://1.1.1.1/').then((x) => 'status ' + x.status, (e) => 'refused'));
    },
};
