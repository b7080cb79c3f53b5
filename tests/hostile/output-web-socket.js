// expect: code=0 http=500
// A web socket that nobody asked for.
export default {
    async fetch(r, env, ctx) {
        const [a, b] = Object.values(new WebSocketPair());
        b.accept();
        return new Response(null, { status: 101, webSocket: a });
    },
};
