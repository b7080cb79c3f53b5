// expect: code=0 http=200 output="200" deadline=30000
// Two hundred subrequests, one after the other.
export default {
    async fetch(r, env, ctx) {
        let n = 0;
        for (let i = 0; i < 200; i++) n += (await fetch('http://127.0.0.1:6001/' + i)).status === 500;
        return new Response(String(n));
    },
};
