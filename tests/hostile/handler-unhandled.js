// expect: code=0 http=200 output="x"
// Rejections that nobody handles.
export default {
    async fetch(r, env, ctx) {
        for (let i = 0; i < 100; i++) Promise.reject(new Error('x' + i));
        return new Response('x');
    },
};
