// expect: code=0 deadline=20000
// A page that is nested deeply.
export default {
    async fetch(r, env, ctx) {
        const page = '<div>'.repeat(20000);
        let n = 0;
        const res = new HTMLRewriter().on('div div div', { element() { n++; } }).transform(new Response(page));
        return new Response(await res.text().then(() => 'done', (e) => e.name));
    },
};
