// expect: code=0 http=200 output=""
// No name of a host environment is there.
export default {
    async fetch(r, env, ctx) {
        const names = ['process', 'require', 'module', 'Buffer', 'Deno', 'Bun', 'gc', 'd8', 'Worker', 'SharedWorker', 'XMLHttpRequest', 'quit', 'load', 'read'];
        return new Response(names.filter((n) => n in globalThis).join());
    },
};
