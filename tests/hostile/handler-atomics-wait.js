// expect: code=0 http=200 deadline=3000
// Blocking waits are refused on this thread, or end by themselves.
export default {
    async fetch(r, env, ctx) {
        try {
            Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
            return new Response('waited');
        } catch (e) {
            return new Response(e.name);
        }
    },
};
