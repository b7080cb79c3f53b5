// expect: code=0
// Addresses that parsers disagree on.
export default {
    async fetch(r, env, ctx) {
        return new Response(['http:\\\\127.0.0.1', 'http://127.1/', 'http://0x7f.1/', 'http://１２７.0.0.1/'].map((u) => new URL(u).hostname).join());
    },
};
