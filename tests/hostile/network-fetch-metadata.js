// expect: code=0 http=200 output="status 500" deadline=20000
// The metadata service of clouds. The gateway does not go there.
export default {
    async fetch(r, env, ctx) {
        return new Response(await fetch('http://169.254.169.254/latest/meta-data/').then((x) => 'status ' + x.status, (e) => 'refused'));
    },
};
