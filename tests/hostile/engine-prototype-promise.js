// expect: code=0 deadline=3000
// Promise.prototype.then throws.
Promise.prototype.then = function () { throw new Error("x"); };
export default {
    async fetch(r, env, ctx) {
        return new Response('x');
    },
};
