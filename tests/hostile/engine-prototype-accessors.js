// expect: code=0 http=200 output="x"
// Accessors on Object.prototype.
for (const k of ["status", "headers", "body", "cf", "encodeBody"]) Object.defineProperty(Object.prototype, k, { get() { return undefined; } });
export default {
    async fetch(r, env, ctx) {
        return new Response('x');
    },
};
