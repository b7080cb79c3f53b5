// expect: code=0 http=200 output="Error" deadline=20000
// A specifier of 1 MB.
export default {
    async fetch(r, env, ctx) {
        return new Response(await import("./" + "x".repeat(1000000)).then(() => "module", (e) => e.name));
    },
};
