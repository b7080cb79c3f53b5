// Keys under a password, both ways: files of ethers and of a writer of our own (PBKDF2, which ethers only reads) are
// opened, and ethers opens what we write.
import assert from 'node:assert/strict';
import { createCipheriv, pbkdf2Sync } from 'node:crypto';
import { test } from 'node:test';
import {
  computeAddress, concat, decryptKeystoreJsonSync, encryptKeystoreJsonSync, getBytes, hexlify, keccak256, toUtf8Bytes,
} from 'ethers';
import { ask, attempt, compare } from './harness.mjs';
import { Random } from './random.mjs';

const PASSWORDS = ['', 'a', 'testpassword', 'schlüssel', '密码', ' spaces around ', 'x'.repeat(300)];
const hexText = (text) => hexlify(toUtf8Bytes(text));
const plain = (hex) => hex.slice(2);

function pbkdf2Keystore(r, secret, password) {
  const [salt, iv, c] = [r.bytes(1 + r.below(64)), r.bytes(16), 1 + r.below(300)];
  const derived = pbkdf2Sync(password, salt, c, 32, 'sha256');
  const ciphertext = createCipheriv('aes-128-ctr', derived.subarray(0, 16), iv).update(getBytes(secret));
  return JSON.stringify({
    version: 3, id: '3198bc9c-6672-5ab3-d995-4942343ae5b6', address: plain(computeAddress(secret)),
    Crypto: {
      cipher: 'aes-128-ctr', cipherparams: { iv: plain(hexlify(iv)) }, ciphertext: plain(hexlify(ciphertext)),
      kdf: 'pbkdf2', kdfparams: { c, dklen: 32, prf: 'hmac-sha256', salt: plain(hexlify(salt)) },
      mac: plain(keccak256(concat([derived.subarray(16), ciphertext]))),
    },
  });
}

function scryptKeystore(r, secret, password) {
  const scrypt = { N: 2 ** (1 + r.below(8)), r: 1 + r.below(8), p: 1 + r.below(4) };
  return encryptKeystoreJsonSync({ address: computeAddress(secret), privateKey: secret }, password,
    { scrypt, salt: r.bytes(32), iv: r.bytes(16), uuid: r.bytes(16) });
}

// One digit of one of these is another one in a third of the cases: the file must then be refused, by both.
function damage(r, json) {
  const whole = JSON.parse(json);
  const crypto = whole.crypto ?? whole.Crypto;
  const [holder, key] = r.pick([
    [crypto, 'ciphertext'], [crypto, 'mac'], [crypto.kdfparams, 'salt'], [crypto.cipherparams, 'iv'],
  ]);
  const at = r.below(holder[key].length);
  const digit = ((parseInt(holder[key][at], 16) + 1 + r.below(15)) % 16).toString(16);
  holder[key] = holder[key].slice(0, at) + digit + holder[key].slice(at + 1);
  return JSON.stringify(whole);
}

compare('keystore open', (r) => {
  const [secret, password] = [r.secret(), r.pick(PASSWORDS)];
  let json = (r.chance(50) ? scryptKeystore : pbkdf2Keystore)(r, secret, password);
  if (r.chance(33)) json = damage(r, json);
  const used = r.chance(90) ? password : password + '.';
  const answer = attempt(() => decryptKeystoreJsonSync(json, used).privateKey);
  return [`keystore_open ${hexText(json)} ${hexText(used)}`, answer];
}, 400);

test('keystore seal: ethers opens it', async () => {
  const r = new Random(7);
  const made = ['scrypt', 'pbkdf2', 'pbkdf2'].map((kdf) => ({ kdf, secret: r.secret(), password: r.pick(PASSWORDS) }));
  const answers = await ask(made.map((m) => `keystore_seal ${m.secret} ${hexText(m.password)} ${m.kdf}`));
  const ids = new Set();
  answers.forEach((answer, i) => {
    const json = Buffer.from(getBytes(answer)).toString();
    const account = decryptKeystoreJsonSync(json, made[i].password);
    assert.equal(account.privateKey, made[i].secret);
    assert.equal(account.address, computeAddress(made[i].secret));
    assert.equal(JSON.parse(json).crypto.kdf, made[i].kdf);
    assert.match(JSON.parse(json).id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    ids.add(JSON.parse(json).id);
    assert.throws(() => decryptKeystoreJsonSync(json, made[i].password + 'x'));
  });
  assert.equal(ids.size, made.length);
});
