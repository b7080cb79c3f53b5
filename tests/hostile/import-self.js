// expect: code=0 http=200 output="true"
// Imports itself.
import * as self from "./main";
export default {
    async fetch(r, env, ctx) {
        return new Response(String(typeof self.default.fetch === 'function'));
    },
};
