// ABI encoding and decoding against ethers.
import { AbiCoder, concat, hexlify, toQuantity } from 'ethers';
import { attempt, compare } from './harness.mjs';

const coder = AbiCoder.defaultAbiCoder();

// letter of eth_cli -> [Solidity type, random value, its text in a question or an answer]
const scalars = {
  u: ['uint256', (r) => r.uint(256), toQuantity],
  q: ['uint64', (r) => r.uint(64), toQuantity],
  o: ['uint8', (r) => r.uint(8), toQuantity],
  b: ['bool', (r) => r.chance(50), (v) => (v ? '0x1' : '0x0')],
  w: ['bytes32', (r) => r.hex(32), (v) => v],
  a: ['address', (r) => r.address(), (v) => v.toLowerCase()],
  y: ['bytes', (r) => r.hex(r.length(200)), (v) => v],
};

function randomTuple(r, depth) {
  const tuple = { letters: '', types: [], values: [], texts: [] };
  const n = r.below(depth ? 5 : 9);
  for (let i = 0; i < n; i++) {
    if (depth < 3 && r.chance(15)) {
      const inner = randomTuple(r, depth + 1);
      // a static tuple is laid out in place, which a call of this project never has: one bytes makes it dynamic
      inner.letters += 'y';
      inner.types.push('bytes');
      inner.values.push('0x');
      inner.texts.push('0x');
      tuple.letters += `(${inner.letters})`;
      tuple.types.push(`tuple(${inner.types.join(',')})`);
      tuple.values.push(inner.values);
      tuple.texts.push(...inner.texts);
      continue;
    }
    const letter = r.pick(Object.keys(scalars));
    const [type, random, text] = scalars[letter];
    const value = random(r);
    tuple.letters += letter;
    tuple.types.push(type);
    tuple.values.push(value);
    tuple.texts.push(text(value));
  }
  return tuple;
}

function encodeCase(letters, types, values, texts, selector) {
  const expected = concat([selector, coder.encode(types, values)]);
  return [`abi_encode ${letters} ${selector} ${texts.join(' ')}`.trimEnd(), expected];
}

// Random arguments of the types, as encodeCase wants them.
function callCase(r, selector, letters, types) {
  const flat = [...letters].filter((c) => c in scalars);
  const picked = flat.map((c) => scalars[c][1](r));
  const texts = flat.map((c, i) => scalars[c][2](picked[i]));
  const values = [];
  let target = values;
  let i = 0;
  for (const c of letters) {
    if (c === '(') values.push((target = []));
    else if (c === ')') target = values;
    else target.push(picked[i++]);
  }
  return encodeCase(letters, types, values, texts, selector);
}

const attestationTuple = 'tuple(bytes,bytes,bytes,bytes,uint256)';
// selector, letters of eth_cli, Solidity types
const submitOutput = ['0x4af50fc8', 'yuyuou', ['bytes', 'uint256', 'bytes', 'uint256', 'uint8', 'uint256']];
const otherCalls = [
  ['0x95e11ef7', 'u', ['uint256']], // slashOnExecutionTimeout
  ['0x1ae53fea', 'yy', ['bytes', 'bytes']], // saveCodeInCallData
  ['0x57fbc4eb', 'wyu', ['bytes32', 'bytes', 'uint256']], // createJob, generation 1
  ['0xe7eba19b', 'owyu', ['uint8', 'bytes32', 'bytes', 'uint256']], // createJob, generation 2
  // registerExecutor of both generations
  ['0x834d642d', 'y(yyyyu)uuyu', ['bytes', attestationTuple, 'uint256', 'uint256', 'bytes', 'uint256']],
  ['0xeaaf229c', 'y(yyyyu)uuyuo', ['bytes', attestationTuple, 'uint256', 'uint256', 'bytes', 'uint256', 'uint8']],
];

// What a decoder is asked for: the letters, A for address[].
const decoded = { ...Object.fromEntries(Object.entries(scalars).map(([k, [type, , text]]) => [k, [type, text]])) };
decoded.A = ['address[]', (v) => [toQuantity(v.length), ...v.map((a) => a.toLowerCase())].join(' ')];

function decodeWithEthers(letters, data) {
  const types = [...letters].map((c) => decoded[c][0]);
  const result = coder.decode(types, data, true);
  return [...letters].map((c, i) => decoded[c][1](result[i])).join(' ');
}

function randomEncoded(r, letters) {
  const types = [...letters].map((c) => decoded[c][0]);
  const values = [...letters].map((c) =>
    c === 'A' ? Array.from({ length: r.below(5) }, () => r.address()) : scalars[c][1](r));
  return coder.encode(types, values);
}

// What the node decodes: both JobCreated, both JobResponded, and any mix of up to 6 arguments.
function decodeLetters(r) {
  if (r.chance(30)) return r.pick(['wyuA', 'yuoo', 'y', 'yy', 'A']);
  return Array.from({ length: 1 + r.below(6) }, () => r.pick(Object.keys(decoded))).join('');
}

// One to three words or bytes of the data are overwritten, or its end is cut off.
function damage(r, hex) {
  let bytes = Buffer.from(hex.slice(2), 'hex');
  const times = 1 + r.below(3);
  for (let i = 0; i < times && bytes.length; i++) {
    const at = r.below(bytes.length);
    if (r.chance(20)) bytes = bytes.subarray(0, at);
    else if (r.chance(50)) bytes[at] = r.u32();
    else {
      const word = Buffer.alloc(32);
      const value = r.chance(50) ? BigInt(r.below(bytes.length + 64)) : r.uint(256);
      word.write(value.toString(16).padStart(64, '0'), 'hex');
      word.copy(bytes, at - (at % 32), 0);
    }
  }
  return hexlify(bytes);
}

compare('abi encode submitOutput', (r) => callCase(r, ...submitOutput));

compare('abi encode other calls', (r) => callCase(r, ...r.pick(otherCalls)));

compare('abi encode random tuples', (r) => {
  let t;
  do t = randomTuple(r, 0); while (t.letters === '' || t.texts.length > 50);
  return encodeCase(t.letters, t.types, t.values, t.texts, r.chance(50) ? r.hex(4) : '0x');
});

compare('abi decode', (r) => {
  const letters = decodeLetters(r);
  const data = randomEncoded(r, letters);
  return [`abi_decode ${letters} ${data}`, decodeWithEthers(letters, data)];
});

// What ours refuses and ethers lets pass: a small type with high bits set, an offset back into the head.
function isCanonical(letters, data) {
  const word = (at) => BigInt('0x' + data.slice(2 + 2 * at, 66 + 2 * at));
  const bits = { u: 256, w: 256, q: 64, o: 8, b: 1, a: 160 };
  return [...letters].every((c, i) => {
    const head = word(32 * i);
    if (c in bits) return head >> BigInt(bits[c]) === 0n;
    if (head < BigInt(32 * (i + 1))) return false;
    const elements = c === 'A' ? Number(word(Number(head))) : 0;
    return Array.from({ length: elements }, (_, k) => word(Number(head) + 32 * (k + 1))).every((w) => w >> 160n === 0n);
  });
}

compare('abi decode damaged data', (r) => {
  const letters = decodeLetters(r);
  const data = damage(r, randomEncoded(r, letters));
  const theirs = attempt(() => decodeWithEthers(letters, data));
  return [`abi_decode ${letters} ${data}`, theirs === 'error' || isCanonical(letters, data) ? theirs : 'error'];
});
