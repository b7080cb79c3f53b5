// expect: code=0 http=200
// A buffer that is given away twice.
export default {
    async fetch(r, env, ctx) {
        const b = new ArrayBuffer(8);
        structuredClone(b, { transfer: [b] });
        try {
            structuredClone(b, { transfer: [b] });
            return new Response('twice');
        } catch (e) {
            return new Response(e.name);
        }
    },
};
