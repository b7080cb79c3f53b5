// expect: code=0 http=200 output="EvalError"
// So is the Function constructor.
export default {
    async fetch(r, env, ctx) {
        try {
            return new Response((() => {}).constructor('return this')());
        } catch (e) {
            return new Response(e.name);
        }
    },
};
