// expect: code=6 deadline=30000 reason="memory"
// Arrays without end.
export default {
    async fetch(r, env, ctx) {
        const a = [];
        for (;;) a.push(new Array(100000).fill(1.5));
    },
};
