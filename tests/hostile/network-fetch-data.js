// expect: code=0 deadline=20000
// A data address.
export default {
    async fetch(r, env, ctx) {
        return new Response(await fetch('data:text/plain,x').then((x) => 'status ' + x.status, (e) => 'refused'));
    },
};
