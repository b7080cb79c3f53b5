// expect: code=0 http=200 deadline=20000
// Recursion again and again at the end of the stack.
export default {
    async fetch(r, env, ctx) {
        let n = 0;
        const f = () => {
            try {
                f();
            } catch {
                if (n++ < 2000) f();
            }
        };
        f();
        return new Response('back');
    },
};
