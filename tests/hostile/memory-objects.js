// expect: code=6 deadline=30000 reason="memory"
// Objects without end.
export default {
    async fetch(r, env, ctx) {
        let o = {};
        for (let i = 0; ; i++) o = { o, i, a: [i] };
    },
};
