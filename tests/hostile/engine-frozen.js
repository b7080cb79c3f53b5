// expect: code=0 http=200 output="x"
// Everything is frozen.
for (const k of Object.getOwnPropertyNames(globalThis)) { const v = Object.getOwnPropertyDescriptor(globalThis, k).value; if (v && typeof v === "function") { Object.freeze(v); Object.freeze(v.prototype); } }
export default {
    async fetch(r, env, ctx) {
        return new Response('x');
    },
};
