// expect: code=0 http=200 inputs_size=1000000
// Reads a part of 1 MB of inputs.
export default {
    async fetch(r, env, ctx) {
        const reader = r.body.getReader();
        const { value } = await reader.read();
        return new Response(String(value.length > 0));
    },
};
