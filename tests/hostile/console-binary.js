// expect: code=0 http=200 output="x"
// Control characters for whoever reads the log.
export default {
    async fetch(r, env, ctx) {
        console.log('\x1b[2J\x1b]0;title\x07\0\r\n');
        console.error('\u{10ffff}\ud800');
        return new Response('x');
    },
};
