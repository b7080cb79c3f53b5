// The encryption of docs/api.md ("Encrypted gas key") once more, from other parts: ethers for the curve, @noble/hashes
// (which ethers brings along) for BLAKE2b, Node.js for ChaCha20-Poly1305. Tests compare the program's with it.
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { blake2b } from '@noble/hashes/blake2b';
import { SigningKey, getBytes, hexlify } from 'ethers';

export const GAS_KEY_PURPOSE = 'oyster-serverless-executor gas key ecies v1';

// HChaCha20 (draft-irtf-cfrg-xchacha, section 2.2): a key of its own for the first 16 bytes of a nonce of 24.
function hchacha20(key, nonce) {
    const s = new Uint32Array(16);
    s.set([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]);
    const view = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < 8; i++) s[4 + i] = view(key).getUint32(4 * i, true);
    for (let i = 0; i < 4; i++) s[12 + i] = view(nonce).getUint32(4 * i, true);
    const rotate = (v, n) => (v << n) | (v >>> (32 - n));
    const quarter = (a, b, c, d) => {
        s[a] += s[b]; s[d] = rotate(s[d] ^ s[a], 16);
        s[c] += s[d]; s[b] = rotate(s[b] ^ s[c], 12);
        s[a] += s[b]; s[d] = rotate(s[d] ^ s[a], 8);
        s[c] += s[d]; s[b] = rotate(s[b] ^ s[c], 7);
    };
    for (let round = 0; round < 10; round++) {
        quarter(0, 4, 8, 12); quarter(1, 5, 9, 13); quarter(2, 6, 10, 14); quarter(3, 7, 11, 15);
        quarter(0, 5, 10, 15); quarter(1, 6, 11, 12); quarter(2, 7, 8, 13); quarter(3, 4, 9, 14);
    }
    const out = new Uint8Array(32);
    [0, 1, 2, 3, 12, 13, 14, 15].forEach((word, i) => view(out).setUint32(4 * i, s[word], true));
    return out;
}

const inner = (key, nonce) => [
    'chacha20-poly1305',
    hchacha20(key, nonce.subarray(0, 16)),
    Buffer.concat([Buffer.alloc(4), nonce.subarray(16)]),
    { authTagLength: 16 },
];

// Public keys are 64 bytes, x and y.
const publicKey = (secret) => getBytes(new SigningKey(secret).publicKey).subarray(1);

function derive(secret, theirs, purpose, ephemeral, receiver) {
    const full = hexlify(Buffer.concat([Buffer.from([4]), theirs]));
    const x = getBytes(new SigningKey(secret).computeSharedSecret(full)).subarray(1, 33);
    return blake2b(Buffer.concat([Buffer.from(purpose), ephemeral, receiver]), { key: x, dkLen: 32 });
}

// data encrypted to a receiver's public key (64 bytes); the ephemeral secret and the nonce (24 bytes) are the caller's.
export function seal(data, receiver, { purpose = GAS_KEY_PURPOSE, ephemeralSecret, nonce }) {
    const ephemeral = publicKey(ephemeralSecret);
    const key = derive(ephemeralSecret, receiver, purpose, ephemeral, receiver);
    const cipher = createCipheriv(...inner(key, nonce));
    return Buffer.concat([ephemeral, nonce, cipher.update(data), cipher.final(), cipher.getAuthTag()]);
}

// What seal made, read with the receiver's secret. Throws where it is not whole.
export function open(sealed, secret, purpose = GAS_KEY_PURPOSE) {
    const ephemeral = sealed.subarray(0, 64);
    const key = derive(secret, ephemeral, purpose, ephemeral, publicKey(secret));
    const decipher = createDecipheriv(...inner(key, sealed.subarray(64, 88)));
    decipher.setAuthTag(sealed.subarray(-16));
    return Buffer.concat([decipher.update(sealed.subarray(88, -16)), decipher.final()]);
}
