// expect: code=0 http=200 deadline=30000
// WebAssembly memory that is only asked for.
export default {
    async fetch(r, env, ctx) {
        try {
            const all = [];
            for (let i = 0; i < 20; i++) all.push(new WebAssembly.Memory({ initial: 1, maximum: 65536 }));
            return new Response('x');
        } catch (e) {
            return new Response(e.name);
        }
    },
};
