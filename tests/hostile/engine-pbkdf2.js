// expect: code=4 deadline=700
// A hash of two thousand million rounds.
export default {
    async fetch(r, env, ctx) {
        const key = await crypto.subtle.importKey('raw', new Uint8Array(8), 'PBKDF2', false, ['deriveBits']);
        return new Response(await crypto.subtle.deriveBits({ name: 'PBKDF2', salt: new Uint8Array(8), iterations: 2000000000, hash: 'SHA-256' }, key, 256).then(() => 'derived', (e) => e.name));
    },
};
