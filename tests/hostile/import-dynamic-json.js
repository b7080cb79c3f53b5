// expect: code=0 http=200
// An import of another type.
export default {
    async fetch(r, env, ctx) {
        return new Response(await import("./x.json", { with: { type: "json" } }).then(() => "module", (e) => e.name));
    },
};
