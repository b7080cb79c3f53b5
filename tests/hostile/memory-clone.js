// expect: code=6 deadline=30000 reason="memory"
// Structured clones without end.
export default {
    async fetch(r, env, ctx) {
        let a = [new Uint8Array(1000000).fill(1)];
        for (;;) a.push(structuredClone(a[0]));
    },
};
