// expect: code=6 deadline=30000 reason="memory"
// A chain of promises that keeps everything.
export default {
    async fetch(r, env, ctx) {
        let p = Promise.resolve();
        for (let i = 0; ; i++) {
            const a = new Array(1000).fill(i);
            p = p.then(() => a);
        }
    },
};
