// expect: code=0 http=500
// Throws a proxy whose traps throw.
export default {
    async fetch(r, env, ctx) {
        throw new Proxy({}, { get() { throw 1; }, has() { throw 2; }, getPrototypeOf() { throw 3; } });
    },
};
