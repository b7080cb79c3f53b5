// expect: code=0 http=200 output="x" inputs_size=500000
// Two copies of the inputs, neither of which is read.
export default {
    async fetch(r, env, ctx) {
        const c = r.clone();
        return new Response(c ? 'x' : '');
    },
};
