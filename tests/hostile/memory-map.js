// expect: code=6 deadline=30000 reason="memory"
// A map without end.
export default {
    async fetch(r, env, ctx) {
        const m = new Map();
        for (let i = 0; ; i++) m.set(i, { i });
    },
};
