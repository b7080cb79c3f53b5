// oyster-attestation-verifier over HTTP: published documents and those of a root of the devnet's own; what is signed is
// recovered by ethers.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SigningKey, TypedDataEncoder, computeAddress, getBytes, hexlify, randomBytes, recoverAddress } from 'ethers';
import { Attestor, PCRS } from '../../devnet/lib/attestation.mjs';
import { ROOT, toolBinary } from '../../devnet/lib/paths.mjs';
import { Child, waitFor } from '../../devnet/lib/proc.mjs';
import { publicKey64 } from '../../devnet/lib/signing.mjs';

const vector = (name) => readFileSync(join(ROOT, 'tests', 'vectors', 'nitro', `attestation-${name}.bin`));
const CUSTOM_ROOT = '6c79411ebaae7489a4e8355545c0346784b31df5d08cb1f7c0097836a82f67240f2a7201862880a1d09a0bb326637188'
    + 'fbbafab47a10abe3630fcf8c18d35d96532184985e582c0dce3dace8441f37b9cc9211dff935baae69e4872cc3494410';
const AWS_PCR0 = '189038eccf28a3a098949e402f3b3d86a876f4915c5b02d546abb5d8c507ceb1755b8192d8cfca66e8f226160ca4c7a6';
const AWS_IMAGE = 'a6b0824d3c47f51542b3a18e6245c408490bef88ddc8d5e1bf8b95ec7eba1602';
const DOMAIN = { name: 'marlin.oyster.AttestationVerifier', version: '1' };
const fields = (text) => text.split(',').map((f) => ({ type: f.split(' ')[0], name: f.split(' ')[1] }));
const LEGACY = fields('bytes enclavePubKey,bytes PCR0,bytes PCR1,bytes PCR2,uint256 timestampInMilliseconds');
const IMAGE = fields('bytes32 imageId,uint64 timestampMs,bytes publicKey,bytes userData');

let dir;
const key = new SigningKey(hexlify(randomBytes(32)));
const running = [];
const binary = () => toolBinary('verifier', 'oyster-attestation-verifier');
const keyArgs = () => ['--secp256k1-secret', join(dir, 'id.sec'), '--secp256k1-public', join(dir, 'id.pub')];

async function start(...args) {
    const logFile = join(dir, `verifier-${running.length}.log`);
    const child = new Child('verifier', binary(), [...keyArgs(), '--port', '0', ...args], { logFile });
    running.push(child);
    const [, port] = await waitFor('the verifier', () => {
        if (!child.running) throw new Error(child.log());
        return /port=(\d+)/.exec(child.log());
    });
    return `http://127.0.0.1:${port}`;
}

async function post(url, path, body) {
    const response = await fetch(url + path, { method: 'POST', body });
    const text = await response.text();
    return { status: response.status, type: response.headers.get('content-type'), text };
}

async function verified(url, path, body) {
    const { status, type, text } = await post(url, path, body);
    assert.equal(status, 200, text);
    assert.equal(type, 'application/json');
    return JSON.parse(text);
}

const signer = (type, value, signature) =>
    recoverAddress(TypedDataEncoder.hash(DOMAIN, { Attestation: type }, value), `0x${signature}`);

describe('attestation verifier', () => {
    let aws;
    before(async () => {
        dir = mkdtempSync(join(tmpdir(), 'oyster-verifier-'));
        writeFileSync(join(dir, 'id.sec'), getBytes(key.privateKey), { mode: 0o600 });
        writeFileSync(join(dir, 'id.pub'), getBytes(publicKey64(key)));
        aws = await start();
    });
    after(async () => {
        for (const child of running) assert.deepEqual(await child.stop(), { code: 0, signal: null });
        rmSync(dir, { recursive: true, force: true });
    });

    test("AWS's document, as bytes and as hex: the legacy statement, signed", async () => {
        const answers = [
            await verified(aws, '/verify/raw', vector('aws')),
            await verified(aws, '/verify/hex', vector('aws').toString('hex')),
            await verified(aws, '/verify/hex', `${vector('aws').toString('hex').toUpperCase()}\n`),
        ];
        for (const said of answers) {
            assert.deepEqual(Object.keys(said), ['signature', 'secp256k1_public', 'pcr0', 'pcr1', 'pcr2', 'timestamp', 'verifier_secp256k1_public']);
            assert.equal(said.pcr0, AWS_PCR0);
            assert.equal(said.timestamp, 0x193bef3f3b0);
            assert.equal(`0x${said.verifier_secp256k1_public}`, publicKey64(key));
            const value = { enclavePubKey: `0x${said.secp256k1_public}`, PCR0: `0x${said.pcr0}`, PCR1: `0x${said.pcr1}`,
                PCR2: `0x${said.pcr2}`, timestampInMilliseconds: said.timestamp };
            assert.equal(signer(LEGACY, value, said.signature), computeAddress(key));
        }
    });

    test('the newer statement, by query and by flag', async () => {
        const byFlag = await start('--format', 'image');
        const asked = await verified(aws, '/verify/raw?format=image', vector('aws'));
        assert.deepEqual(asked, await verified(byFlag, '/verify/raw', vector('aws')));
        assert.deepEqual(Object.keys(asked), ['signature', 'image_id', 'timestamp_ms', 'public_key', 'user_data', 'verifier_public_key']);
        assert.equal(asked.image_id, AWS_IMAGE);
        assert.equal(asked.user_data, '');
        const value = { imageId: `0x${asked.image_id}`, timestampMs: asked.timestamp_ms, publicKey: `0x${asked.public_key}`, userData: '0x' };
        assert.equal(signer(IMAGE, value, asked.signature), computeAddress(key));
        assert.ok((await verified(byFlag, '/verify/raw?format=legacy', vector('verifier'))).pcr2);
        assert.equal((await post(aws, '/verify/raw?format=other', vector('aws'))).status, 400);
    });

    test('another root, in each form that may name it', async () => {
        writeFileSync(join(dir, 'root.hex'), `${CUSTOM_ROOT}\n`);
        writeFileSync(join(dir, 'root.bin'), Buffer.from(CUSTOM_ROOT, 'hex'));
        const forms = [CUSTOM_ROOT, join(dir, 'root.hex'), join(dir, 'root.bin')];
        for (const form of forms) {
            const url = await start('--root', form);
            const said = await verified(url, '/verify/raw?format=image', vector('custom-root'));
            assert.deepEqual([said.public_key, said.user_data], ['12345678', 'abcdef']);
            const refused = await post(url, '/verify/raw', vector('aws'));
            assert.equal(refused.status, 401);
            assert.match(refused.text, /^error while verifying attestation: root_unknown: /);
        }
    });

    test('what is refused, and why', async () => {
        const changed = vector('aws');
        changed[changed.length - 1] ^= 1;
        const cases = [
            ['/verify/raw', changed, 401, 'signature: the document is not signed by its certificate'],
            ['/verify/raw', vector('custom-root'), 401, 'root_unknown'],
            ['/verify/raw', 'hello', 401, 'not_cose'],
            ['/verify/raw', '', 401, 'not_cose'],
            ['/verify/raw', Buffer.alloc(60_000), 401, 'too_large'],
            ['/verify/raw', Buffer.alloc(70_000), 413, ''],
            ['/verify/hex', '', 401, 'not_cose'],
            ['/verify/hex', '8444a', 400, 'error while decoding attestation doc from hex: 5 digits, an odd number'],
            ['/verify/hex', '0x8444', 400, 'error while decoding attestation doc from hex: character 1 is no hex digit'],
            ['/verify/hex', vector('aws'), 400, 'error while decoding attestation doc from hex'],
            ['/verify/other', '', 404, 'Unknown path, known ones are: / /verify/raw /verify/hex\n'],
        ];
        for (const [path, body, status, says] of cases) {
            const answer = await post(aws, path, body);
            assert.equal(answer.status, status, `${path}: ${answer.text}`);
            assert.ok(answer.text.includes(says), answer.text);
        }
        const got = await fetch(`${aws}/verify/raw`);
        assert.deepEqual([got.status, got.headers.get('allow')], [405, 'POST']);
        assert.equal(await got.text(), 'Wrong method for /verify/raw, allowed: POST\n');
        assert.equal((await fetch(`${aws}/`)).status, 200);
        assert.equal((await fetch(`${aws}/`, { method: 'HEAD' })).status, 200);
    });

    test('a hypervisor of our own: what its enclave says is what is signed; age may count', async () => {
        const attestor = await Attestor.start({ dir });
        running.push(attestor.hypervisor.child, attestor.verifier.child);
        const enclave = publicKey64(new SigningKey(hexlify(randomBytes(32))));
        const [signature, said] = await attestor.attest(enclave);
        assert.equal(said.enclavePubKey, enclave);
        assert.deepEqual([said.PCR0, said.PCR1, said.PCR2], PCRS);
        assert.ok(Math.abs(said.timestampInMilliseconds - Date.now()) < 600_000);
        assert.equal(signer(LEGACY, said, signature.slice(2)), attestor.address);

        const strict = await start('--root', attestor.hypervisor.root, '--max-age', '3600');
        const fresh = await attestor.document(enclave);
        assert.equal((await post(strict, '/verify/raw', fresh)).status, 200);
        const old = await attestor.document(enclave, { timestampMs: Date.now() - 7_200_000 });
        assert.equal((await post(attestor.verifier.url, '/verify/raw', old)).status, 200);
        assert.match((await post(strict, '/verify/raw', old)).text, /too_old/);
        const early = await attestor.document(enclave, { timestampMs: Date.now() + 7_200_000 });
        assert.match((await post(strict, '/verify/raw', early)).text, /from_the_future/);
        assert.match((await post(aws, '/verify/raw', fresh)).text, /root_unknown/);
    });

    test('a document without a public key has no legacy statement', async () => {
        const attestor = await Attestor.start({ dir });
        running.push(attestor.hypervisor.child, attestor.verifier.child);
        const response = await fetch(`${attestor.hypervisor.url}/attestation/hex?nonce=00&user_data=0102`);
        const hex = await response.text();
        assert.match((await post(attestor.verifier.url, '/verify/hex', hex)).text, /carries no public key/);
        const said = await verified(attestor.verifier.url, '/verify/hex?format=image', hex);
        assert.deepEqual([said.public_key, said.user_data], ['', '0102']);
        assert.equal((await fetch(`${attestor.hypervisor.url}/attestation/hex?nonce=0`)).status, 400);
    });

    test('command line and key files', () => {
        const run = (...args) => spawnSync(binary(), args, { encoding: 'utf8', timeout: 30_000 });
        const refused = (status, says, ...args) => {
            const { status: found, stderr } = run(...args);
            assert.equal(found, status, stderr);
            assert.ok(stderr.includes(says), stderr);
        };
        assert.match(run('--help').stdout, /verify\/raw/);
        assert.match(run('--version').stdout, /^oyster-attestation-verifier \d/);
        writeFileSync(join(dir, 'other.pub'), getBytes(publicKey64(new SigningKey(hexlify(randomBytes(32))))));
        refused(2, '--secp256k1-secret FILE is missing');
        refused(2, '--port: expected 0 to 65535, found 70000', ...keyArgs(), '--port', '70000');
        refused(2, '--format: expected legacy or image', ...keyArgs(), '--format', 'x');
        refused(1, 'not the public key of', ...keyArgs().slice(0, 3), join(dir, 'other.pub'));
        refused(1, 'No such file', ...keyArgs(), '--root', join(dir, 'nothing'));
        refused(1, 'expected a root certificate', ...keyArgs(), '--root', join(dir, 'id.sec'));
        refused(1, 'Address already in use', ...keyArgs(), '--port', new URL(aws).port);
    });
});
