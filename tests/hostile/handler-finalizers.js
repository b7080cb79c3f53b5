// expect: code=0 http=500
// Finalizers do not exist at this compatibility date.
export default {
    async fetch(r, env, ctx) {
        const reg = new FinalizationRegistry(() => { throw new Error('x'); });
        for (let i = 0; i < 100000; i++) reg.register({}, i);
        return new Response('x');
    },
};
