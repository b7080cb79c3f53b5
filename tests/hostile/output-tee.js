// expect: code=0 http=200 length=90000 deadline=20000
// Output that is split, half of it never read.
export default {
    async fetch(r, env, ctx) {
        const [a] = new Response('x'.repeat(90000)).body.tee();
        return new Response(a);
    },
};
