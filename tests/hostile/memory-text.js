// expect: code=6 deadline=30000 reason="memory"
// A text that is decoded into ever more copies.
export default {
    async fetch(r, env, ctx) {
        const a = [], d = new TextDecoder('utf-16le');
        for (let i = 0; ; i++) a.push(d.decode(new Uint16Array(500000).fill(i)));
    },
};
