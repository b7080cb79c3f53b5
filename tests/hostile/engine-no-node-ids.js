// expect: code=0 http=200 output="false"
// The request does not say who sent it.
export default {
    async fetch(r, env, ctx) {
        const all = JSON.stringify([r.cf, [...r.headers], r.url]);
        return new Response(String(/pid|uid/i.test(all)));
    },
};
