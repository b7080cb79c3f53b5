// expect: code=6 deadline=30000 reason="memory"
// Headers without end.
export default {
    async fetch(r, env, ctx) {
        const h = new Headers();
        for (let i = 0; ; i++) h.append('x' + i, 'y'.repeat(10000));
    },
};
