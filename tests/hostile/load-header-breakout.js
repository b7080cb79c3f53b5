// expect: code=0 http=200 output="fine" crlf=1
// Code that looks like the end of one response and the start of another.
/*

HTTP/1.1 404 Not Found
Content-Length: 0

*/
export default {
    async fetch(r, env, ctx) {
        return new Response('fine');
    },
};
