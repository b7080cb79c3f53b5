// Encryption to a public key against an implementation from other parts, both ways.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SigningKey, getBytes, hexlify } from 'ethers';
import { open, seal } from '../support/ecies.mjs';
import { ask, compare } from './harness.mjs';

// A valid secret key: not zero, below the curve order.
const secret = (r) => hexlify(Buffer.concat([Buffer.from([1 + r.below(254)]), r.bytes(31)]));
const publicKey = (key) => getBytes(new SigningKey(key).publicKey).subarray(1);

compare('ecies opens what another has made', (r) => {
  const key = secret(r);
  const data = r.bytes(r.length(200));
  const sealed = seal(data, publicKey(key), { purpose: 'a purpose', ephemeralSecret: secret(r), nonce: r.bytes(24) });
  return [`ecies_open ${key} ${hexlify(Buffer.from('a purpose'))} ${hexlify(sealed)}`, hexlify(data)];
}, 200);

compare('ecies refuses one flipped bit, a cut, another purpose', (r) => {
  const key = secret(r);
  const sealed = seal(r.bytes(32), publicKey(key), { ephemeralSecret: secret(r), nonce: r.bytes(24) });
  const kind = r.below(3);
  if (kind === 0) sealed[r.below(sealed.length)] ^= 1 << r.below(8);
  const cut = kind === 1 ? sealed.subarray(0, r.below(sealed.length)) : sealed;
  const purpose = kind === 2 ? 'another' : 'oyster-serverless-executor gas key ecies v1';
  return [`ecies_open ${key} ${hexlify(Buffer.from(purpose))} ${hexlify(cut)}`, 'error'];
}, 200);

test('ecies is opened by another', async () => {
  const key = `0x${'7b'.repeat(32)}`;
  const purpose = hexlify(Buffer.from('p'));
  const texts = ['0x', '0x00', `0x${'c0ffee'.repeat(40)}`];
  const answers = await ask(texts.map((data) => `ecies_seal ${hexlify(publicKey(key))} ${purpose} ${data}`));
  texts.forEach((data, i) => assert.equal(hexlify(open(Buffer.from(getBytes(answers[i])), key, 'p')), data));
  assert.equal((await ask([`ecies_seal 0x${'01'.repeat(64)} ${purpose} 0x00`]))[0], 'error');
});
