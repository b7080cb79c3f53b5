// expect: code=6 deadline=30000
// WebAssembly memory that is written to.
export default {
    async fetch(r, env, ctx) {
        const m = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
        for (;;) {
            m.grow(256);
            new Uint8Array(m.buffer).fill(1);
        }
    },
};
