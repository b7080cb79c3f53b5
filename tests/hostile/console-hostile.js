// expect: code=0 http=200 output="x"
// Things that throw when they are printed.
export default {
    async fetch(r, env, ctx) {
        console.log({ get a() { throw 1; }, toString() { throw 2; } }, new Proxy({}, { ownKeys() { throw 3; } }), Symbol('x'));
        return new Response('x');
    },
};
