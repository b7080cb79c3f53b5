// expect: code=4 deadline=700
// Keys that take long to make, without end.
export default {
    async fetch(r, env, ctx) {
        for (;;) await crypto.subtle.generateKey({ name: 'RSA-OAEP', modulusLength: 4096, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }, true, ['encrypt', 'decrypt']);
    },
};
