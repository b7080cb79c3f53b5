// The node and its Nitro Secure Module: what it has the module sign, what it answers when the module is not well. The
// module is the devnet's, the ioctl is the real one.
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'node:test';
import { hexlify, randomBytes } from 'ethers';
import { PCRS, startHypervisor } from '../../devnet/lib/attestation.mjs';
import { decodeCbor } from '../../devnet/lib/cbor.mjs';
import { executorBinary } from '../../devnet/lib/paths.mjs';
import { assert, scenario, sleep, useDevnet, waitFor } from './harness.mjs';

const USER_DATA = Buffer.from('what the operator wants to say');

describe('a node with a security module', () => {
    const holder = useDevnet({ generation: 2 }, async (net, h) => {
        h.mood = join(net.dir, 'mood');
        h.hypervisor = await startHypervisor(net.dir, PCRS, { name: 'moody-nsm', mood: h.mood });
        h.node = await net.newNode({ config: { nsm_device: h.hypervisor.device } }).start();
    });

    const contentOf = (document) => decodeCbor(decodeCbor(document)[2]);
    const ask = (node, query = '') => fetch(`${node.url}/attestation/raw${query}`);
    const document = async (node, query) => {
        const response = await ask(node, query);
        const body = Buffer.from(await response.arrayBuffer());
        assert.equal(response.status, 200, body.toString());
        assert.equal(response.headers.get('content-type'), 'application/octet-stream');
        return body;
    };
    const metrics = async ({ monitorUrl }) => (await fetch(`${monitorUrl}/metrics`)).text();

    scenario('tells no age before it has a document', holder, async () => {
        assert.doesNotMatch(await metrics(holder.node), /^oyster_executor_attestation_age_seconds/m);
    });

    scenario('serves a document that the verifier accepts, and only as it is', holder, async (net) => {
        const { node } = holder;
        const body = await document(node);
        const said = await net.attestor.verify(body);
        assert.equal(said.secp256k1_public, node.key.publicKey.slice(4));
        assert.deepEqual([said.pcr0, said.pcr1, said.pcr2].map((pcr) => `0x${pcr}`), PCRS);
        assert.ok(Math.abs(said.timestamp - Date.now()) < 60_000, `${said.timestamp}`);
        body[body.length - 1] ^= 1;
        await assert.rejects(net.attestor.verify(body), /401/);
        const age = Number((await metrics(node)).match(/^oyster_executor_attestation_age_seconds (\S+)$/m)?.[1]);
        assert.ok(age >= 0 && age < 60, `${age}`);
    });

    scenario('has its key, the hash of its settings and the nonce in it', holder, async () => {
        const { node } = holder;
        const args = ['--port', String(node.port), '--config-file', node.configFile, '--config-hash'];
        const shown = execFileSync(executorBinary(), args, { encoding: 'utf8' }).trim();
        const nonce = randomBytes(512);
        const content = contentOf(await document(node, `?nonce=${hexlify(nonce).slice(2)}`));
        assert.equal(hexlify(content.public_key).slice(2), node.key.publicKey.slice(4));
        assert.equal(content.user_data.toString('hex'), shown);
        assert.deepEqual(content.nonce, Buffer.from(nonce));
        assert.equal(contentOf(await document(node)).nonce, null);
        const { text } = await node.get('/attestation/hex?nonce=abcd');
        const again = contentOf(Buffer.from(text, 'hex'));
        assert.deepEqual([again.user_data.toString('hex'), again.nonce.toString('hex')], [shown, 'abcd']);
    });

    scenario('puts the bytes of a file in where one is named', holder, async (net) => {
        const file = join(net.dir, 'user-data');
        writeFileSync(file, USER_DATA);
        const config = { nsm_device: holder.hypervisor.device, attestation_user_data_file: file };
        const node = await net.newNode({ config }).start();
        assert.deepEqual(contentOf(await document(node)).user_data, USER_DATA);
        await node.stop();
    });

    scenario('passes on what the module names as its error', holder, async () => {
        writeFileSync(holder.mood, 'error InternalError');
        const text = 'Failed to get an attestation document: attestation: the module answers InternalError\n';
        assert.deepEqual(await holder.node.get('/attestation/raw'), { status: 500, text });
        rmSync(holder.mood);
        await document(holder.node);
    });

    scenario('goes on while the module thinks', holder, async () => {
        writeFileSync(holder.mood, 'delay 2500');
        let done = false;
        const slow = document(holder.node).finally(() => (done = true));
        await sleep(300);
        const answers = await Promise.all([1, 2, 3].map(() => holder.node.get('/executor-details')));
        assert.ok(answers.every(({ status }) => status === 200) && !done);
        await slow;
        rmSync(holder.mood);
    });

    scenario('answers many who ask at once', holder, async () => {
        const nonces = Array.from({ length: 16 }, () => hexlify(randomBytes(20)).slice(2));
        const said = await Promise.all(nonces.map((nonce) => document(holder.node, `?nonce=${nonce}`)));
        assert.deepEqual(said.map((body) => contentOf(body).nonce.toString('hex')), nonces);
    });

    scenario('lives on when the module is gone', holder, async () => {
        await holder.hypervisor.child.stop('SIGKILL');
        await waitFor('the module to be gone', async () => (await ask(holder.node)).status === 503);
        assert.match((await holder.node.get('/attestation/raw')).text, /no Nitro Secure Module here/);
        assert.equal((await holder.node.get('/')).status, 200);
    });
});
