// The prime factors of `num` in the JSON that the job was given, smallest first: {"num": 600} → 2,2,2,3,5,5
export default {
    async fetch(request) {
        let { num } = await request.json();
        const factors = [];
        for (let p = 2; p * p <= num; p++) {
            for (; num % p === 0; num /= p) factors.push(p);
        }
        if (num > 1) factors.push(num);
        return new Response(factors.join(','));
    },
};
