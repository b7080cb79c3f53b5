// CBOR as far as Nitro documents and signed images use it: enough to read one by other means than the program's own.

function argument(bytes, at) {
    const low = bytes[at] & 31;
    if (low < 24) return [low, at + 1];
    if (low === 24) return [bytes.readUInt8(at + 1), at + 2];
    if (low === 25) return [bytes.readUInt16BE(at + 1), at + 3];
    if (low === 26) return [bytes.readUInt32BE(at + 1), at + 5];
    if (low === 27) return [Number(bytes.readBigUInt64BE(at + 1)), at + 9];
    throw new Error(`CBOR: a length of kind ${low} at byte ${at}`);
}

function many(bytes, n, start) {
    const items = [];
    let at = start;
    for (let i = 0; i < n; i++) {
        const [item, next] = decodeAt(bytes, at);
        items.push(item);
        at = next;
    }
    return [items, at];
}

function decodeAt(bytes, at) {
    const major = bytes[at] >> 5;
    if (major === 7) return [{ 0xf4: false, 0xf5: true, 0xf6: null }[bytes[at]], at + 1];
    const [n, next] = argument(bytes, at);
    if (major === 0) return [n, next];
    if (major === 1) return [-1 - n, next];
    if (major === 2) return [bytes.subarray(next, next + n), next + n];
    if (major === 3) return [bytes.toString('utf8', next, next + n), next + n];
    if (major === 4) return many(bytes, n, next);
    if (major === 6) return decodeAt(bytes, next);
    const [flat, end] = many(bytes, 2 * n, next);
    return [Object.fromEntries(Array.from({ length: n }, (_, i) => [flat[2 * i], flat[2 * i + 1]])), end];
}

// The value: maps are objects, byte strings are Buffers, tags are passed over.
export function decodeCbor(bytes) {
    const [value, end] = decodeAt(bytes, 0);
    if (end !== bytes.length) throw new Error(`CBOR: ${bytes.length - end} bytes behind the end`);
    return value;
}

function head(major, n) {
    if (n < 24) return Buffer.from([(major << 5) | n]);
    if (n < 0x100) return Buffer.from([(major << 5) | 24, n]);
    if (n < 0x10000) return Buffer.from([(major << 5) | 25, n >> 8, n & 0xff]);
    const long = Buffer.alloc(9, (major << 5) | 27);
    long.writeBigUInt64BE(BigInt(n), 1);
    return long;
}

// The bytes of numbers that are not negative, Buffers, strings, arrays and null.
export function encodeCbor(value) {
    if (value === null) return Buffer.from([0xf6]);
    if (typeof value === 'number') return head(0, value);
    if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
    if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
    return Buffer.concat([head(4, value.length), ...value.map(encodeCbor)]);
}
