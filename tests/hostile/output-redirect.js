// expect: code=0 http=302 length=0
// A redirect is an answer, it is not followed.
export default {
    async fetch(r, env, ctx) {
        return Response.redirect('http://127.0.0.1:6001/', 302);
    },
};
