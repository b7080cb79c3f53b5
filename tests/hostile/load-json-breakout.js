// expect: code=0 http=200 output="\"}, \"commonJsModule\": \"x"
// Text that would end the JSON string it travels in.
export default {
    async fetch(r, env, ctx) {
        return new Response('"}, "commonJsModule": "x');
    },
};
