// expect: code=0 http=200 output="status 500" deadline=20000
// The same in version 6. The gateway does not go there.
export default {
    async fetch(r, env, ctx) {
        return new Response(await fetch('http://[fd00:ec2::254]/latest/meta-data/').then((x) => 'status ' + x.status, (e) => 'refused'));
    },
};
