// expect: code=6 deadline=30000 reason="memory"
// Memory outside of the heap without end.
export default {
    async fetch(r, env, ctx) {
        const a = [];
        for (;;) a.push(new Uint8Array(1000000).fill(1));
    },
};
