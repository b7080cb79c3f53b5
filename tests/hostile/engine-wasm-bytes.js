// expect: code=0 http=200 output="CompileError"
// So is compiling WebAssembly from bytes.
export default {
    async fetch(r, env, ctx) {
        const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
        try {
            return new Response(String(new WebAssembly.Module(bytes)));
        } catch (e) {
            return new Response(e.name);
        }
    },
};
