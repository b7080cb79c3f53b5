// expect: code=0 http=200 output="hello"
// A Content-Length of its own is replaced.
export default {
    async fetch(r, env, ctx) {
        return new Response('hello', { headers: { 'content-length': '500' } });
    },
};
