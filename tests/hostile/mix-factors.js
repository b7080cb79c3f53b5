// expect: code=0 http=200 output="2,2,2,3,5,5" inputs="{\"num\": 600}"
// An honest job.
export default {
    async fetch(r, env, ctx) {
        let { num } = await r.json();
        const factors = [];
        for (let p = 2; p * p <= num; p++)
            for (; num % p === 0; num /= p) factors.push(p);
        if (num > 1) factors.push(num);
        return new Response(factors.join());
    },
};
