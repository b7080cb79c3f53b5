// expect: code=0 http=500 output="Internal Server Error"
// Error.prepareStackTrace throws.
Error.prepareStackTrace = () => { throw new Error("x"); };
export default {
    async fetch(r, env, ctx) {
        throw new Error('y');
    },
};
