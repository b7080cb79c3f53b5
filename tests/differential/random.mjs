// Seeded random values with a taste for edges: the same seed gives the same cases on every machine.
import { getAddress, hexlify } from 'ethers';

export class Random {
  #state;

  // seed: any 32-bit number (mulberry32)
  constructor(seed) {
    this.#state = seed >>> 0;
  }

  u32() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  // 0 <= result < n
  below(n) {
    return this.u32() % n;
  }

  chance(percent) {
    return this.below(100) < percent;
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  bytes(length) {
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i++) out[i] = this.u32();
    return out;
  }

  hex(length) {
    return hexlify(this.bytes(length));
  }

  // a length up to max, often at the borders of 32-byte words and of RLP's short form
  length(max) {
    const edges = [0, 1, 2, 31, 32, 33, 55, 56, 57, 63, 64, 65, 255, 256, 257];
    return Math.min(max, this.chance(50) ? this.pick(edges) : this.below(max + 1));
  }

  // an integer of at most the given bits: every width is as likely, as are 0, the largest and the neighbours of 2^n
  uint(bits) {
    const largest = (1n << BigInt(bits)) - 1n;
    if (this.chance(5)) return 0n;
    if (this.chance(5)) return largest;
    const power = 1n << BigInt(this.below(bits));
    if (this.chance(10)) return power - 1n;
    if (this.chance(10)) return power;
    const wide = this.u32() % 2 ? power * 2n : largest + 1n;
    return BigInt(this.hex(bits / 8)) % wide;
  }

  address() {
    return getAddress(this.chance(2) ? '0x' + '00'.repeat(20) : this.hex(20));
  }

  // a valid secp256k1 secret
  secret() {
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
    const value = this.chance(5) ? this.pick([1n, 2n, order - 1n]) : (BigInt(this.hex(32)) % (order - 1n)) + 1n;
    return '0x' + value.toString(16).padStart(64, '0');
  }
}
