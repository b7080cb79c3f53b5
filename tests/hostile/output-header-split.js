// expect: code=0 http=200 output="TypeError"
// A header that would split the response.
export default {
    async fetch(r, env, ctx) {
        try {
            return new Response('x', { headers: { x: 'y\r\nContent-Length: 0\r\n\r\n' } });
        } catch (e) {
            return new Response(e.name);
        }
    },
};
