// expect: code=0 http=200 output="hello"
// A Transfer-Encoding of its own is dropped.
export default {
    async fetch(r, env, ctx) {
        return new Response('hello', { headers: { 'transfer-encoding': 'chunked', connection: 'upgrade' } });
    },
};
