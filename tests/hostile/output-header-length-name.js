// expect: code=0 http=200 output="hello"
// A header whose name resembles one that counts.
export default {
    async fetch(r, env, ctx) {
        return new Response('hello', { headers: { 'x-content-length': '1' } });
    },
};
