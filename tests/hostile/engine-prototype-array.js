// expect: code=0 http=200 deadline=3000
// Array methods lie.
Array.prototype.map = Array.prototype.push = Array.prototype[Symbol.iterator] = function () { return this; };
export default {
    async fetch(r, env, ctx) {
        return new Response('x');
    },
};
