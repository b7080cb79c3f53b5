// expect: code=0 http=500
// Throws an object that throws when it is printed.
export default {
    async fetch(r, env, ctx) {
        throw { get message() { throw 1; }, get stack() { throw 2; }, toString() { throw 3; } };
    },
};
