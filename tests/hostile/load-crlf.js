// expect: code=0 http=200 output="x" crlf=1
// Lines end with CR LF.
export default {
    async fetch(r, env, ctx) {
        return new Response('x');
    },
};
