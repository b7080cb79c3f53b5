// expect: code=0 http=200 output="true"
// A clone of what holds itself.
export default {
    async fetch(r, env, ctx) {
        const a = [];
        a.push(a);
        const b = structuredClone(a);
        return new Response(String(b[0] === b));
    },
};
