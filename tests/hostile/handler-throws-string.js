// expect: code=0 http=500 output="Internal Server Error"
// Throws a string.
export default {
    async fetch(r, env, ctx) {
        throw 'bad';
    },
};
