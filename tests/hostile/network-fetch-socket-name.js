// expect: code=0 http=200 deadline=20000
// A socket's path as a host name.
export default {
    async fetch(r, env, ctx) {
        try {
            return new Response(await fetch('http://%2fslot%2fegress.sock/').then((x) => 'status ' + x.status, (e) => 'refused'));
        } catch (e) {
            return new Response('refused');
        }
    },
};
