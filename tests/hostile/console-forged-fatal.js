// expect: code=0 http=200 output="x" console="fatal: V8 fatal error"
// Claims a crash on the console: what counts is how it ends.
export default {
    async fetch(r, env, ctx) {
        console.error('workerd/jsg/setup.c++:44: fatal: V8 fatal error; out of memory');
        console.log('{"event":"listen"}');
        return new Response('x');
    },
};
