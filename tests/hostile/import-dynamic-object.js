// expect: code=0 http=200 output="Error"
// A specifier whose text changes each time it is read.
export default {
    async fetch(r, env, ctx) {
        let n = 0;
        const name = { toString: () => (n++ ? "node:fs" : "./nope") };
        return new Response(await import(name).then(() => "module", (e) => e.name));
    },
};
