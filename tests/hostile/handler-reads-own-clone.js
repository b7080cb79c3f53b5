// expect: code=0 http=200 output="500000" inputs_size=500000 deadline=20000
// One copy is read, the other is not.
export default {
    async fetch(r, env, ctx) {
        return new Response(String((await r.clone().text()).length));
    },
};
