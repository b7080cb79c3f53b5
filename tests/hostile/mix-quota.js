// expect: code=0 http=200 deadline=30000 output="done"
// Uses more CPU than its share, and gets there in the end.
export default {
    async fetch(r, env, ctx) {
        let x = 0;
        for (let i = 0; i < 1e8; i++) x = (x + i * i) | 0;
        return new Response(x === 0 ? '' : 'done');
    },
};
