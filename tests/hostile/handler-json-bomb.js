// expect: code=0 http=200 output="RangeError" deadline=30000
// A small object that is endless as text.
export default {
    async fetch(r, env, ctx) {
        const o = {};
        o.toJSON = () => ({ o });
        try {
            JSON.stringify(o);
        } catch (e) {
            return new Response(e.name);
        }
    },
};
