// expect: code=4 deadline=600
// An endless loop that catches everything.
export default {
    async fetch(r, env, ctx) {
        for (;;) { try { throw 1; } catch { } finally { continue; } }
    },
};
