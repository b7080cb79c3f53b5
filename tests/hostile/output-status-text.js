// expect: code=0
// A status text that would split the response.
export default {
    async fetch(r, env, ctx) {
        return new Response('x', { statusText: 'OK\r\nContent-Length: 0\r\n\r\n' });
    },
};
