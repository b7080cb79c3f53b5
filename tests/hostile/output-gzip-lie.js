// expect: code=0 http=200 output="not gzip"
// Says that it is compressed already, and is not.
export default {
    async fetch(r, env, ctx) {
        return new Response('not gzip', { headers: { 'content-encoding': 'gzip' }, encodeBody: 'manual' });
    },
};
