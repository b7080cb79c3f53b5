// oysterctl attestation verify: published documents, those of the devnet's hypervisor against an image, a node's key, a
// nonce, an age; what is refused, and by which word.
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { describe } from 'node:test';
import { imageId, startHypervisor } from '../../devnet/lib/attestation.mjs';
import { ROOT, toolBinary } from '../../devnet/lib/paths.mjs';
import { EXIT, oysterctl, oysterctlJson } from './ctl.mjs';
import { assert, scenario, useDevnet } from './harness.mjs';

const vector = (name) => join(ROOT, 'tests', 'vectors', 'nitro', `attestation-${name}.bin`);
const CUSTOM_ROOT = '6c79411ebaae7489a4e8355545c0346784b31df5d08cb1f7c0097836a82f67240f2a7201862880a1d09a0bb326637188'
    + 'fbbafab47a10abe3630fcf8c18d35d96532184985e582c0dce3dace8441f37b9cc9211dff935baae69e4872cc3494410';
const verify = (...args) => oysterctlJson(['attestation', 'verify', ...args]);

async function good(...args) {
    const { code, result, stderr } = await verify(...args);
    assert.equal(code, EXIT.ok, stderr);
    assert.deepEqual([result.verified, result.reason, stderr], [true, 'ok', '']);
    return result;
}

async function refused(reason, ...args) {
    const { code, result, stderr } = await verify(...args);
    assert.equal(code, EXIT.check, `${args.join(' ')}: ${stderr}`);
    assert.deepEqual([result.verified, result.reason, result.exit_code], [false, reason, EXIT.check]);
    assert.equal(stderr, `oysterctl: ${result.error}\n`);
    return result;
}

// An image of random parts. Returns {path, pcrs, id}.
function buildImage(dir, name, ...more) {
    const put = (part) => {
        writeFileSync(join(dir, `${name}.${part}`), randomBytes(5000));
        return join(dir, `${name}.${part}`);
    };
    const path = join(dir, `${name}.eif`);
    const args = ['build', '--kernel', put('kernel'), '--ramdisk', put('init'), '--ramdisk', put('app'), '--output', path];
    const { status, stdout, stderr } = spawnSync(toolBinary('eif', 'oyster-eif'), [...args, ...more, '--json']);
    assert.equal(status, 0, String(stderr));
    const { Measurements: m } = JSON.parse(stdout);
    return { path, pcrs: [m.PCR0, m.PCR1, m.PCR2].map((hex) => `0x${hex}`), id: JSON.parse(stdout).ImageId };
}

// A node's API behind one that hands out the document of another enclave. Returns {url, stop}.
async function liarBefore(net, node) {
    const server = createServer(async (request, response) => {
        const { pathname, searchParams } = new URL(request.url, 'http://enclave');
        if (pathname !== '/attestation/raw') return response.end((await node.get(request.url)).text);
        const query = new URLSearchParams({ public_key: '13'.repeat(64), nonce: searchParams.get('nonce') });
        const document = await fetch(`${net.attestor.hypervisor.url}/attestation/raw?${query}`);
        response.end(Buffer.from(await document.arrayBuffer()));
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const stop = () => new Promise((resolve) => server.close(resolve));
    return { url: `http://127.0.0.1:${server.address().port}`, stop };
}

describe('oysterctl attestation verify', () => {
    const holder = useDevnet({ generation: 2 }, async (net, h) => {
        h.node = await net.newNode().start();
    });
    const root = (net) => ['--root', net.attestor.hypervisor.root];

    scenario('published documents', holder, async (net) => {
        const aws = await good(vector('aws'));
        assert.equal(aws.timestamp_ms, 0x193bef3f3b0);
        assert.equal(aws.image_id, '0xa6b0824d3c47f51542b3a18e6245c408490bef88ddc8d5e1bf8b95ec7eba1602');
        assert.equal(aws.certificates.length, 5);
        assert.deepEqual([aws.user_data, aws.nonce], [null, null]);
        assert.equal(Object.keys(aws.pcrs).length, 16);
        await good(vector('verifier'));
        const custom = await good(vector('custom-root'), '--root', CUSTOM_ROOT, '--user-data', 'abcdef', '--public-key', '12345678');
        assert.deepEqual(custom.compared, { image: false, public_key: true, user_data: true, nonce: false, age: false });
        await refused('root_unknown', vector('custom-root'));
        await good(vector('aws'), '--pcr0', aws.pcrs.pcr0, '--image-id', aws.image_id, '--public-key', aws.public_key);
        await good(vector('aws'), '--image-id', aws.image_id_legacy);
        writeFileSync(join(net.dir, 'aws.hex'), `${readFileSync(vector('aws')).toString('hex')}\n`);
        await good(join(net.dir, 'aws.hex'));
        await refused('too_old', vector('aws'), '--max-age', '1h');
        const text = await oysterctl(['attestation', 'verify', vector('aws')]);
        assert.match(text.stdout, /^verified: +yes\n[^]*enclave: +0xB454F5a51fE67f29520350f4f66FDFb2dAf2FAaC\n/);
        assert.match(text.stdout, /which image runs was not compared/);
    });

    scenario('against an image file', holder, async (net) => {
        const image = buildImage(net.dir, 'ours');
        const other = buildImage(net.dir, 'other');
        const key = `0x${'42'.repeat(64)}`;
        const file = join(net.dir, 'document');
        writeFileSync(file, await net.attestor.document(key, { pcrs: image.pcrs }));
        const said = await good(file, ...root(net), '--eif', image.path, '--public-key', key, '--max-age', '10m');
        assert.deepEqual([said.pcrs.pcr0, said.pcrs.pcr1, said.pcrs.pcr2], image.pcrs);
        assert.deepEqual([said.image_id, said.image_id_legacy], [`0x${image.id}`, imageId(image.pcrs)]);
        await refused('other_pcr', file, ...root(net), '--eif', other.path);
        await refused('other_image', file, ...root(net), '--image-id', other.id);
        await refused('other_public_key', file, ...root(net), '--public-key', '42'.repeat(63));
        await refused('other_nonce', file, ...root(net), '--nonce', '00');
        await refused('other_user_data', file, ...root(net), '--user-data', '00');
        await refused('root_unknown', file);
        writeFileSync(join(net.dir, 'key.pub'), Buffer.from('42'.repeat(64), 'hex'));
        await good(file, ...root(net), '--public-key', join(net.dir, 'key.pub'));
        const changed = readFileSync(file);
        changed[changed.length - 1] ^= 1;
        writeFileSync(file, changed);
        await refused('signature', file, ...root(net), '--eif', image.path);
        writeFileSync(file, changed.subarray(0, 100));
        assert.equal((await refused('not_cose', file, ...root(net))).pcrs, undefined);
    });

    scenario('a node, asked with a nonce of our own', holder, async (net) => {
        const image = buildImage(net.dir, 'node');
        const hypervisor = await startHypervisor(net.dir, image.pcrs, { name: 'enclave-nsm' });
        const liar = await liarBefore(net, holder.node);
        try {
            const { url } = await net.newNode({ name: 'enclave', config: { nsm_device: hypervisor.device } }).start();
            const said = await good('--node-url', url, ...root(net), '--eif', image.path);
            assert.deepEqual(said.compared, { image: true, public_key: true, user_data: false, nonce: true, age: true });
            assert.equal(said.enclave, net.nodes.at(-1).address);
            assert.equal(said.nonce.length, 42);
            assert.notEqual((await good('--node-url', url, ...root(net))).nonce, said.nonce);
            await refused('other_pcr', '--node-url', holder.node.url, ...root(net), '--eif', image.path);
            await refused('other_public_key', '--node-url', liar.url, ...root(net));
            const old = `${net.attestor.hypervisor.url}/attestation/hex?timestamp_ms=${Date.now() - 3_600_000}`;
            await refused('too_old', old, ...root(net));
            await good(old, ...root(net), '--max-age', '2h');
        } finally {
            await hypervisor.child.stop();
            await liar.stop();
        }
        const outside = await verify('--node-url', net.nodes.at(-1).url, ...root(net));
        assert.equal(outside.code, EXIT.failed, 'a node without a module has no document');
        assert.match(outside.stderr, /no Nitro Secure Module here/);
    });

    scenario('a command line that is wrong', holder, async (net) => {
        const failed = async (says, ...args) => {
            const { code, stderr } = await verify(...args);
            assert.equal(code, EXIT.failed, stderr);
            assert.ok(stderr.includes(says), stderr);
        };
        await failed('No such file', join(net.dir, 'nothing'));
        await failed('--root', vector('aws'), '--root', join(net.dir, 'nothing'));
        await failed('--pcr0', vector('aws'), '--pcr0', 'abcd');
        await failed('--eif', vector('aws'), '--eif', vector('aws'));
        await failed('--public-key: neither hex nor a file', vector('aws'), '--public-key', 'xyz');
        assert.equal((await oysterctl(['attestation', 'verify', 'a', 'b'])).code, EXIT.usage);
    });
});
