// expect: code=3
// The config file.
import x from "/config.bin";
export default {
    async fetch(r, env, ctx) {
        return new Response(String(x));
    },
};
