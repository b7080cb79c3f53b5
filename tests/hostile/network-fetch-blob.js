// expect: code=0 deadline=20000 output="refused"
// A scheme that fetch does not have: blob.
export default {
    async fetch(r, env, ctx) {
        return new Response(await fetch('blob:null/x').then((x) => 'status ' + x.status, (e) => 'refused'));
    },
};
