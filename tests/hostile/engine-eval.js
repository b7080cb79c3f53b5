// expect: code=0 http=200 output="EvalError"
// eval is off.
export default {
    async fetch(r, env, ctx) {
        try {
            return new Response(eval('1'));
        } catch (e) {
            return new Response(e.name);
        }
    },
};
