// expect: code=0 http=200 output="300" deadline=20000
// Three hundred imports that fail.
export default {
    async fetch(r, env, ctx) {
        let n = 0;
        for (let i = 0; i < 300; i++)
            await import("./x" + i).catch(() => n++);
        return new Response(String(n));
    },
};
