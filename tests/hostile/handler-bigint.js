// expect: code=4 deadline=600
// Arithmetic on ever larger numbers.
export default {
    async fetch(r, env, ctx) {
        let x = 3n;
        for (;;) x = (x * x) % (1n << 200000n) + 3n;
    },
};
