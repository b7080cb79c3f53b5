// expect: code=6 deadline=30000 reason="memory"
// Strings without end.
export default {
    async fetch(r, env, ctx) {
        const a = [];
        for (let i = 0; ; i++) a.push(('x' + i).repeat(10000) + i);
    },
};
