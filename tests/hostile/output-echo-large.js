// expect: code=5 inputs_size=200000
// Sends back inputs that are longer than an output may be.
export default {
    async fetch(r, env, ctx) {
        return new Response(r.body);
    },
};
