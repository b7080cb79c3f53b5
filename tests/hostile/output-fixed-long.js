// expect: code=6
// Promises ten bytes and gives fifteen.
export default {
    async fetch(r, env, ctx) {
        const { readable, writable } = new FixedLengthStream(10);
        const w = writable.getWriter();
        ctx.waitUntil(w.write(new Uint8Array(15)).then(() => w.close()).catch(() => {}));
        return new Response(readable);
    },
};
