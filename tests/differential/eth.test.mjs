// Hashes, addresses, signatures, RLP and 256-bit numbers against ethers and BigInt.
import assert from 'node:assert/strict';
import {
  Signature, SigningKey, computeAddress, concat, encodeRlp, getAddress, keccak256, toBeArray, toQuantity,
} from 'ethers';
import { attempt, compare } from './harness.mjs';

const WRAP = 1n << 256n;

compare('keccak', (r) => {
  const data = r.hex(r.length(600));
  return [`keccak ${data}`, keccak256(data)];
});

compare('checksum', (r) => {
  const address = r.address();
  return [`checksum ${address.toLowerCase()}`, address];
});

compare('parse_address', (r) => {
  const digits = [...r.address().slice(2)];
  const changes = r.below(3);
  for (let i = 0; i < changes; i++) {
    const at = r.below(40);
    digits[at] = r.chance(50) ? digits[at].toUpperCase() : digits[at].toLowerCase();
  }
  const text = (r.chance(50) ? '0x' : '') + digits.join('');
  return [`parse_address ${text}`, attempt(() => getAddress(text).toLowerCase())];
});

compare('sign', (r) => {
  const secret = r.secret();
  const digest = r.hex(32);
  const signature = new SigningKey(secret).sign(digest).serialized;
  return [`sign ${secret} ${digest}`, `${signature} ${computeAddress(secret).toLowerCase()}`];
});

// Real signatures, random ones that recover to a key that nobody has, and ones to refuse: a high s, an s or r that is
// no point, another v.
compare('recover', (r) => {
  const digest = r.hex(32);
  const s = r.bytes(32);
  if (r.chance(80)) s[0] &= 0x7f;
  const v = r.chance(90) ? r.pick(['0x1b', '0x1c']) : r.hex(1);
  const real = r.chance(25);
  const signature = real ? new SigningKey(r.secret()).sign(digest).serialized : concat([r.hex(32), s, v]);
  const answer = attempt(() => {
    assert.ok(real || ['0x00', '0x01', '0x1b', '0x1c'].includes(v)); // ethers also reads EIP-155's v
    const key = SigningKey.recoverPublicKey(digest, Signature.from(signature));
    return `0x${key.slice(4)} ${computeAddress(key).toLowerCase()}`;
  });
  return [`recover ${signature} ${digest}`, answer];
});

// ---- RLP ----

function randomRlp(r, depth) {
  if (depth < 4 && r.chance(depth ? 30 : 60)) {
    const items = Array.from({ length: r.below(6) }, () => randomRlp(r, depth + 1));
    return { question: ['[', ...items.flatMap((i) => i.question), ']'], value: items.map((i) => i.value) };
  }
  if (r.chance(50)) {
    const n = r.uint(r.pick([8, 64, 256]));
    return { question: ['n', toQuantity(n)], value: toBeArray(n) };
  }
  const data = r.hex(r.length(300));
  return { question: ['s', data], value: data };
}

compare('rlp', (r) => {
  let item;
  do item = randomRlp(r, 0); while (item.question.length > 60);
  return [`rlp ${item.question.join(' ')}`, encodeRlp(item.value)];
});

// ---- 256-bit numbers, against BigInt ----

const fits = (v) => (v >= 0n && v < WRAP ? 'fits' : 'wraps');
const wrapped = (v) => toQuantity(((v % WRAP) + WRAP) % WRAP);

compare('u256 text', (r) => {
  const v = r.uint(264);
  const text = r.chance(50) ? v.toString() : '0x' + v.toString(16);
  const padded = r.chance(20) ? text.replace(/^(0x)?/, '$100') : text;
  return [`text ${padded}`, v < WRAP ? `${v} ${toQuantity(v)}` : 'error'];
});

compare('u256 add', (r) => {
  const [a, b] = [r.uint(256), r.uint(256)];
  return [`add ${a} ${b}`, `${wrapped(a + b)} ${fits(a + b)}`];
});

compare('u256 sub and compare', (r) => {
  const a = r.uint(256);
  const b = r.chance(10) ? a : r.uint(256);
  return [`sub ${a} ${b}`, `${wrapped(a - b)} ${fits(a - b)} ${a < b ? -1 : a > b ? 1 : 0}`];
});

compare('u256 mul', (r) => {
  const [a, b] = [r.uint(256), r.uint(64)];
  return [`mul ${a} ${b}`, `${wrapped(a * b)} ${fits(a * b)}`];
});

compare('u256 div', (r) => {
  const [a, b] = [r.uint(256), r.uint(64) || 1n];
  return [`div ${a} ${b}`, `${toQuantity(a / b)} ${toQuantity(a % b)}`];
});
