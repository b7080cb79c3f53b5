// expect: code=0 deadline=3000
// Every object is a promise that never comes.
Object.prototype.then = function () {};
export default {
    async fetch(r, env, ctx) {
        return new Response('x');
    },
};
