// expect: code=0 http=200 output="x"
// Five thousand headers.
export default {
    async fetch(r, env, ctx) {
        const h = new Headers();
        for (let i = 0; i < 5000; i++) h.set('x-' + i, 'y');
        return new Response('x', { headers: h });
    },
};
