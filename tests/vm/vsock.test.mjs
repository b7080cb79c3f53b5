// A node that has no network, as in an enclave: a network namespace of its own, whose only way to the rest is vsock, and
// oyster-vsock-proxy at both ends of it. Through it go the node's API, the chain, and what jobs fetch. /dev/nsm is a
// character device whose ioctl another program answers.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SigningKey, getBytes, hexlify, randomBytes } from 'ethers';
import { decodeCbor } from '../../devnet/lib/cbor.mjs';
import { Devnet } from '../../devnet/lib/devnet.mjs';
import { Child } from '../../devnet/lib/proc.mjs';
import { assert, createJob, saveCode, sleep, textOf, waitAnswer, waitFor } from '../e2e/harness.mjs';
import { OUTWARD, Vm, packImage } from './vm.mjs';
import { API_PORT, NODE, VmNode } from './vm_node.mjs';

const PROXY = 'tools/vsock_proxy/oyster-vsock-proxy';
const DEVICE = 'devnet/nsm/devnet-nsm-device';
const MODULES = ['net/vmw_vsock/vsock', 'net/vmw_vsock/vmw_vsock_virtio_transport_common', 'net/vmw_vsock/vsock_loopback',
    'fs/fuse/fuse', 'fs/fuse/cuse'].map((name) => `.vm/kernel/modules/${name}.ko`);
const LOOPBACK = 1; // the context id that leads back
const PUBLIC = '8.8.4.4'; // an address of the parent's that passes for a public server
const ENCLAVE = 'nsenter -t $(cat /run/enclave) -n';

// Runs at the parent and in the enclave. In the kernel's loopback both have the same vsock, but not the same network.
const SETUP = `
    mkdir -p /var /run/www
    for module in ${MODULES.join(' ')}; do insmod /app/$module; done
    ip address add ${PUBLIC}/32 dev lo
    head -c 2000000 /dev/urandom >/run/www/bulk
    echo from outside >/run/www/index.html
    httpd -p ${PUBLIC}:80 -h /run/www
    nc -ll -p 7 -e cat >/var/echo.log 2>&1 &
    /app/${PROXY} --vsock-to-tcp any:8545=${OUTWARD} --egress-from vsock:any:1200 \\
        --tcp-to-vsock 0.0.0.0:${API_PORT}=${LOOPBACK}:${API_PORT} >/var/parent.log 2>&1 &
    unshare -n sleep 100000 & echo $! >/run/enclave
    sleep 1
    ${ENCLAVE} /app/${PROXY} --tcp-to-vsock 127.0.0.1:8545=${LOOPBACK}:8545 --egress-to vsock:${LOOPBACK}:1200 \\
        >/var/enclave.log 2>&1 &
    /app/${DEVICE} nsm /run/nsm-root /run/nsm-mood >/var/device.log 2>&1 &
    for i in $(seq 100); do [ -e /dev/nsm ] && [ -e /run/nsm-root ] && break; sleep 0.1; done
    sleep 1; cat /var/parent.log /var/enclave.log /var/device.log`;

const JOB = `export default { async fetch() {
    const r = await fetch('http://${PUBLIC}/');
    return new Response('a job got: ' + (await r.text()));
} };`;

describe('a node in a virtual machine whose network is vsock', () => {
    const dir = mkdtempSync(join(tmpdir(), 'oyster-vm-'));
    let net, vm, node, verifier;

    before(async () => {
        const image = join(dir, 'image');
        packImage(image, { build: process.env.OYSTER_BUILD, programs: [NODE, PROXY, DEVICE], files: MODULES });
        net = await Devnet.start({ generation: 2 });
        vm = await Vm.start({ dir, image, outward: net.chain.port, inward: API_PORT });
        const said = await vm.get(SETUP);
        assert.match(said, /listening from=egress/, said);
        const config = {
            http_rpc_url: 'http://127.0.0.1:8545',
            web_socket_url: 'ws://127.0.0.1:8545',
            vsock_addr: `any:${API_PORT}`,
            metrics_addr: '127.0.0.1:9001',
            warm_workers: 1,
        };
        node = new VmNode({ vm, dir, chain: net.chain, contracts: net.contracts, config });
        await node.start({ within: ENCLAVE });
    });

    after(async () => {
        await verifier?.stop();
        await vm?.stop();
        await net?.stop();
        rmSync(dir, { recursive: true });
    });

    const scenario = (name, run) =>
        test(name, { timeout: 300_000 }, async () => {
            try {
                await run();
            } catch (e) {
                const log = await vm.run('tail -n 30 /var/node/log /var/*.log; dmesg | tail -n 10');
                console.log(`--- inside\n${log.output}\n---`);
                throw e;
            }
        });

    const enclave = (command) => vm.run(`${ENCLAVE} ${command}`);

    scenario('has no network inside, and its API on vsock', async () => {
        assert.equal(await vm.get(`${ENCLAVE} ip -o link | wc -l`), '1');
        assert.equal((await fetch(`${node.url}/`)).status, 200);
        assert.equal((await node.details()).enclave_address, node.address.toLowerCase());
    });

    scenario('reaches public addresses through the parent, and no others', async () => {
        assert.equal((await enclave(`wget -qO- http://${PUBLIC}/`)).output, 'from outside\n');
        const [sum, got] = await Promise.all([
            vm.get('sha256sum </run/www/bulk'),
            vm.get(`${ENCLAVE} wget -qO- http://${PUBLIC}/bulk | sha256sum`),
        ]);
        assert.equal(got, sum);
        const refused = await enclave(`wget -qO- http://${OUTWARD}/`);
        assert.match(refused.output, /[Rr]eset/);
        assert.match(await vm.read('/var/parent.log'), /event=stream_refused .*is not allowed/);
    });

    scenario('tells a closed port by a reset, and passes on the end of one direction', async () => {
        assert.match((await enclave(`wget -qO- http://${PUBLIC}:81/`)).output, /[Rr]eset/);
        const half = await vm.run(`printf 'said and done' | ${ENCLAVE} timeout 20 nc ${PUBLIC} 7`);
        assert.deepEqual(half, { status: 0, output: 'said and done' });
    });

    scenario('carries many streams at a time', async () => {
        const all = await vm.get(
            `for i in $(seq 32); do (${ENCLAVE} wget -qO- http://${PUBLIC}/ >/run/many.$i 2>&1) & done; wait; cat /run/many.* | sort | uniq -c`,
        );
        assert.match(all, /^32 from outside$/);
    });

    scenario('answers a job that fetches', async () => {
        await net.configure(node);
        await net.register(node);
        const codehash = await saveCode(net.contracts, net.author, JOB);
        const { id } = await createJob(net.contracts, { codehash, deadline: 120_000 });
        const answer = await waitAnswer(net.contracts, id, { timeoutMs: 150_000 });
        assert.deepEqual([answer.errorCode, textOf(answer.output)], [0, 'a job got: from outside\n']);
    });

    const document = async (query = '') => {
        const response = await fetch(`${node.url}/attestation/raw${query}`);
        const body = Buffer.from(await response.arrayBuffer());
        assert.equal(response.status, 200, body.toString());
        assert.equal(response.headers.get('content-type'), 'application/octet-stream');
        return { body, content: decodeCbor(decodeCbor(body)[2]) };
    };

    scenario('serves an attestation document that verifies up to the device\'s root', async () => {
        const key = new SigningKey(hexlify(randomBytes(32)));
        const [secret, shared] = ['secret', 'public'].map((name) => join(dir, name));
        writeFileSync(secret, getBytes(key.privateKey));
        writeFileSync(shared, getBytes(key.publicKey).slice(1));
        const root = await vm.read('/run/nsm-root');
        const program = join(process.env.OYSTER_BUILD, 'tools', 'verifier', 'oyster-attestation-verifier');
        const args = ['--secp256k1-secret', secret, '--secp256k1-public', shared, '--port', '0', '--root', root];
        verifier = new Child('verifier', program, args, { logFile: join(dir, 'verifier.log') });
        const [, port] = await waitFor('the verifier', () => /listening.* port=(\d+)/.exec(verifier.log()));
        const { body } = await document();
        const verify = (bytes) => fetch(`http://127.0.0.1:${port}/verify/raw`, { method: 'POST', body: bytes });
        const response = await verify(body);
        const said = await response.json();
        assert.equal(response.status, 200, JSON.stringify(said));
        assert.equal(said.secp256k1_public, node.key.publicKey.slice(4));
        assert.deepEqual([said.pcr0, said.pcr1, said.pcr2], [1, 2, 3].map((n) => `0${n}`.repeat(48)));
        assert.ok(Math.abs(said.timestamp - Date.now()) < 300_000, `${said.timestamp}`);
        body[body.length - 1] ^= 1;
        assert.equal((await verify(body)).status, 401);
    });

    scenario('has the enclave key, the hash of its settings and the nonce in the document', async () => {
        const hash = await vm.get(`/app/${NODE} --port ${API_PORT} --config-file /var/node/config.json --config-hash`);
        const nonce = randomBytes(512);
        const { content } = await document(`?nonce=${hexlify(nonce).slice(2)}`);
        assert.equal(hexlify(content.public_key).slice(2), node.key.publicKey.slice(4));
        assert.equal(content.user_data.toString('hex'), hash);
        assert.deepEqual(content.nonce, Buffer.from(nonce));
        assert.equal((await document()).content.nonce, null);
        const hex = await (await fetch(`${node.url}/attestation/hex?nonce=abcd`)).text();
        const again = decodeCbor(decodeCbor(Buffer.from(hex, 'hex'))[2]);
        assert.deepEqual([again.user_data.toString('hex'), again.nonce.toString('hex')], [hash, 'abcd']);
        const metrics = await vm.get(`${ENCLAVE} wget -qO- http://127.0.0.1:9001/metrics`);
        const age = Number(metrics.match(/^\S*attestation_age_seconds (\S+)$/m)?.[1]);
        assert.ok(age >= 0 && age < 120, `${age}`);
    });

    scenario('passes on what the device names as its error', async () => {
        await vm.write('/run/nsm-mood', 'error InternalError');
        const response = await fetch(`${node.url}/attestation/raw`);
        assert.equal(response.status, 500);
        const text = 'Failed to get an attestation document: attestation: the module answers InternalError\n';
        assert.equal(await response.text(), text);
        await vm.get('rm /run/nsm-mood');
        await document();
    });

    scenario('goes on while the device thinks', async () => {
        await vm.write('/run/nsm-mood', 'delay 2500');
        let done = false;
        const slow = document().finally(() => (done = true));
        await sleep(300);
        const answers = await Promise.all([1, 2, 3].map(() => fetch(`${node.url}/executor-details`)));
        assert.ok(answers.every((response) => response.status === 200) && !done);
        await slow;
    });
});
