// The enclave's image: built twice, in other folders and circumstances, it is the same to the bit; its measurements are
// those that an independent computation finds; the ramdisks out of it boot to a node that has its own security module
// attest it, registers with that where its measurements are whitelisted, and answers jobs; hostile jobs end as they should.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { imageId } from '../../devnet/lib/attestation.mjs';
import { errorOf } from '../../devnet/lib/contracts.mjs';
import { Devnet } from '../../devnet/lib/devnet.mjs';
import { ROOT } from '../../devnet/lib/paths.mjs';
import { Tree } from '../../tools/enclave/cpio.mjs';
import { run } from '../../tools/enclave/parts.mjs';
import { EXIT, oysterctlJson } from '../e2e/ctl.mjs';
import { assert, createJob, saveCode, textOf, waitAnswer, waitFor } from '../e2e/harness.mjs';
import { buildIn, copyTree } from './enclave_build.mjs';
import { API_PORT, EnclaveNode, TABLE, bootImage, hypervisorOver, imageConfig } from './enclave_node.mjs';
import { SCRIPTS, hostileOver } from './hostile.mjs';
import { SAME_EVERYWHERE, countEach, resultsIn, scenarios } from './vm.mjs';

const PARTS = ['kernel', 'cmdline', 'ramdisk1', 'ramdisk2', 'oyster.eif'];
const SHIPPED_MAX = 60 << 20; // bytes
const PATIENT_MS = 180_000; // deadline of a job that is meant to be answered: this processor is an emulated one
const SHIPPED_TABLE = readFileSync(join(ROOT, 'deploy', 'enclave', 'init.conf'), 'utf8');

// What is not there in a machine of ours: the parent behind vsock. What is: a network card, to which the API listens.
const testTable = () => {
    const lines = SHIPPED_TABLE.split('\n').filter((line) => !line.startsWith('keep egress '));
    const text = lines.join('\n').replace(' --api-addr 127.0.0.1', '').replace(' --vsock-addr any:6001', '');
    return `network eth0 10.0.2.15/24\n${text}`;
};

const sha384 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha384')).digest();

describe('the image of the enclave', () => {
    const dir = mkdtempSync(join(tmpdir(), 'oyster-enclave-'));
    const [config, table, parts] = ['config.json', 'init.conf', 'parts'].map((name) => join(dir, name));
    let net, first, second, machine, node, bootedAt;

    before(async () => {
        net = await Devnet.start({ generation: 2 });
        writeFileSync(config, JSON.stringify(imageConfig(net)));
        writeFileSync(table, testTable());
        const args = ['--config', config, '--table', table, '--modules', 'network'];
        const env = { TZ: 'Asia/Tokyo', LC_ALL: 'tr_TR.UTF-8', CFLAGS: '-g', USER: 'somebody', SOURCE_DATE_EPOCH: '1' };
        const [one, other] = [join(dir, 'a'), join(dir, 'another', 'and', 'deeper')];
        for (const folder of [one, other]) copyTree(folder);
        first = buildIn(one, { args });
        second = buildIn(other, { args, umask: '077', env });
        run(first.tool('tools/eif/oyster-eif'), ['extract', join(first.dir, 'oyster.eif'), '--directory', parts]);
    });

    after(async () => {
        await machine?.stop();
        await net?.stop();
        rmSync(dir, { recursive: true });
    });

    for (const part of PARTS) {
        test(`has the same ${part} in both builds`, () => {
            const [a, b] = [first, second].map((build) => readFileSync(join(build.dir, part)));
            assert.ok(a.length > 0);
            assert.ok(a.equals(b), `${part}: ${a.length} and ${b.length} bytes`);
        });
    }

    test('is small, and says of what it is made', () => {
        console.log(first.output);
        const { length } = readFileSync(join(first.dir, 'oyster.eif'));
        assert.ok(length < SHIPPED_MAX, `${length} bytes`);
        for (const part of ['workerd', 'libraries', 'oyster-serverless-executor', 'together']) {
            assert.match(first.output, new RegExp(`MiB  .*${part}`));
        }
    });

    test('is measured as an independent computation finds', () => {
        const [kernel, cmdline, one, two] = PARTS.map((name) => readFileSync(join(first.dir, name)));
        const pcr = (...data) => sha384(Buffer.alloc(48), sha384(...data)).toString('hex');
        assert.ok(first.output.includes(`PCR0        ${pcr(kernel, cmdline, one, two)}\n`), first.output);
        assert.ok(first.output.includes(`PCR1        ${pcr(kernel, cmdline, one)}\n`));
        assert.ok(first.output.includes(`PCR2        ${pcr(two)}\n`));
    });

    const inside = scenarios(async () => machine?.console().split('\n').slice(-60).join('\n'));

    inside('boots', async () => {
        const from = Date.now();
        const over = hypervisorOver(testTable(), { hypervisor: net.attestor.hypervisor, pcrs: first.pcrs });
        machine = await bootImage({ dir, parts, ramdisks: [over.pack()], outward: net.chain.port, inward: API_PORT });
        node = await new EnclaveNode({ machine, dir, chain: net.chain, contracts: net.contracts }).ready();
        bootedAt = machine.console().match(/event=booted uptime_ms=(\d+)/)?.[1];
        console.log(`from power-on to the node's API: ${Date.now() - from} ms; of these ${bootedAt} ms to the first program`);
    });

    inside('has set everything up', () => {
        const text = machine.console();
        assert.match(text, /event=cgroups_delegated version=2 there=".*cpu .*memory .*pids/);
        assert.match(text, /event=entropy_ready/);
        assert.match(text, /event=clock_read/);
        assert.match(text, /event=program_done name=keygen/);
        assert.doesNotMatch(text, /step_failed|sandbox_layer_missing|program_ended|giving_up/);
    });

    inside('holds a node whose document says which image it runs, and with which key', async () => {
        const eif = join(first.dir, 'oyster.eif');
        const args = ['--node-url', node.url, '--root', net.attestor.hypervisor.root, '--eif', eif];
        const { code, result, stderr } = await oysterctlJson(['attestation', 'verify', ...args]);
        assert.equal(code, EXIT.ok, stderr);
        assert.deepEqual(result.compared, { image: true, public_key: true, user_data: false, nonce: true, age: true });
        assert.equal(result.image_id_legacy, imageId(first.pcrs));
        assert.match(machine.console().toLowerCase(), new RegExp(`enclave_address=${result.enclave}`.toLowerCase()));
        assert.notEqual(result.enclave, node.address, 'not a key of this side');
    });

    inside('that cannot register while nobody has whitelisted the image', async () => {
        await net.configure(node);
        assert.equal(await errorOf(net.contracts, net.register(node)), 'AttestationAutherImageNotWhitelisted');
    });

    inside('and registers with its own document as soon as somebody has', async () => {
        const { executors } = net.contracts;
        await (await executors.whitelistEnclaveImage(...first.pcrs)).wait();
        await net.register(node);
        assert.equal(node.attestation.imageId, imageId(first.pcrs));
        const { enclave_address: address } = await node.details();
        assert.equal((await executors.executors(address)).owner, net.owner.address);
    });

    inside('answers jobs', async () => {
        const code = 'export default { async fetch(r) { return new Response(`hello ${await r.text()}`); } };';
        const codehash = await saveCode(net.contracts, net.author, code);
        const names = ['one', 'two', 'three'];
        const jobs = [];
        for (const inputs of names) jobs.push(await createJob(net.contracts, { codehash, inputs, deadline: PATIENT_MS }));
        for (const [i, { id }] of jobs.entries()) {
            const answer = await waitAnswer(net.contracts, id, { timeoutMs: PATIENT_MS + 30_000 });
            assert.deepEqual([answer.errorCode, textOf(answer.output)], [0, `hello ${names[i]}`]);
        }
    });

    inside('holds hostile jobs to their bounds', async (t) => {
        await machine.stop();
        const ramdisks = [hostileOver().pack()];
        machine = await bootImage({ dir, parts, name: 'hostile', ramdisks, kernelArgs: SAME_EVERYWHERE, memoryMb: 3072 });
        const ended = () => machine.console().includes('event=program_done name=left') || !machine.running;
        await waitFor('the jobs to end', ended, { timeoutMs: 590_000, everyMs: 500 });
        const text = machine.console();
        const results = resultsIn(text);
        await countEach(t, results);
        const names = new Set(results.map(({ name }) => name));
        assert.deepEqual(SCRIPTS.filter((script) => !names.has(script)), []);
        assert.match(text, new RegExp(`^${SCRIPTS.length} scripts, 0 failed`, 'm'));
        assert.match(text, /event=program_done name=hostile/);
        assert.doesNotMatch(text.slice(text.indexOf('event=program_started name=left')), /workerd_/, 'no group is left');
    });

    inside('ends with a last word when it cannot do its work', async () => {
        await machine.stop();
        const over = new Tree().file(TABLE, 'once keygen /bin/oyster-keygen --nonsense\nkeep n /bin/none\n');
        machine = await bootImage({ dir, parts, name: 'broken', ramdisks: [over.pack()] });
        await waitFor('the machine to end by itself', () => !machine.running, { timeoutMs: 300_000, everyMs: 100 });
        const word = 'giving up: program keygen (/bin/oyster-keygen) ended with status 2, and nothing can run without it';
        assert.ok(machine.console().includes(`oyster-init: ${word}; the machine ends here`), machine.console());
        assert.doesNotMatch(machine.console(), /Kernel panic/);
    });
});
