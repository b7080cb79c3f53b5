// expect: code=0 http=200 deadline=20000 output="Error: No such module \"e\".,Error: No such module \"node:fs\".,Error: No such module \"x\"."
// Imports after the first answer fail as in a plain worker.
export default {
    async fetch(r, env, ctx) {
        const errors = [];
        for (const name of ["./e", "node:fs", "x"])
            await import(name).catch((e) => errors.push(String(e)));
        return new Response(errors.join());
    },
};
