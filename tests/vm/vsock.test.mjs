// The enclave's image as it is on Nitro: its own first process, its table, no network but vsock. A machine stands for the
// parent: its processes have a network, those of the image a namespace without one; what parts them is the kernel's vsock
// loopback, which has one context id for both ends. Through it go the sign of life, the node's API, the chain, and what
// jobs fetch. The machine's /dev/nsm is the image's too.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { imageId } from '../../devnet/lib/attestation.mjs';
import { Devnet } from '../../devnet/lib/devnet.mjs';
import { ROOT } from '../../devnet/lib/paths.mjs';
import { assert, createJob, saveCode, textOf, waitAnswer, waitFor } from '../e2e/harness.mjs';
import { buildIn } from './enclave_build.mjs';
import { EnclaveNode, imageConfig } from './enclave_node.mjs';
import { OUTWARD, Vm, packImage, scenarios } from './vm.mjs';
import { API_PORT, NSM, NSM_MODULES, startNsm } from './vm_node.mjs';

const PROXY = 'tools/vsock_proxy/oyster-vsock-proxy';
const MODULES = ['vsock', 'vmw_vsock_virtio_transport_common', 'vsock_loopback'].map(
    (name) => `.vm/kernel/modules/net/vmw_vsock/${name}.ko`,
);
const LOOPBACK = 1; // the context id that leads back
const PUBLIC = '8.8.4.4'; // addresses of the parent's that pass for public servers: a web server, and the chain's endpoint
const RPC = '8.8.4.5:8545';
const ENCLAVE = 'nsenter -t $(cat /run/enclave) -n';
const PATIENT_MS = 180_000;

const JOB = `export default { async fetch() {
    const r = await fetch('http://${PUBLIC}/');
    return new Response('a job got: ' + (await r.text()));
} };`;

// What is shipped, with the parent and the sign of life at the one context id that there is here.
function tableHere() {
    const shipped = readFileSync(join(ROOT, 'deploy', 'enclave', 'init.conf'), 'utf8');
    assert.match(shipped, /^keep egress .*--egress-to vsock:3:1200$/m);
    return `heartbeat ${LOOPBACK}:9000\n${shipped.replace('vsock:3:1200', `vsock:${LOOPBACK}:1200`)}`;
}

// Builds the image. Returns {ramdisks, pcrs}: archives to be unpacked one over the other.
function build(dir, net) {
    const [config, table, out] = ['config.json', 'init.conf', 'image'].map((name) => join(dir, name));
    const url = { http_rpc_url: `http://${RPC}`, web_socket_url: `ws://${RPC}` };
    writeFileSync(config, JSON.stringify(imageConfig(net, { ...url, metrics_addr: '127.0.0.1:9001', warm_workers: 1 })));
    writeFileSync(table, tableHere());
    const args = ['--config', config, '--table', table, '--compress', 'none', '--out', out];
    const { pcrs } = buildIn(ROOT, { args });
    return { ramdisks: [1, 2].map((n) => join(out, `ramdisk${n}`)), pcrs };
}

// The parent: what the enclave can reach, and the two proxies of docs/enclave.md, with the private endpoint of the test.
const PARENT = `
    mkdir -p /var /run/www
    for module in ${MODULES.join(' ')}; do insmod /app/$module; done
    ip address add ${PUBLIC}/32 dev lo
    ip address add ${RPC.split(':')[0]}/32 dev lo
    head -c 2000000 /dev/urandom >/run/www/bulk
    echo from outside >/run/www/index.html
    httpd -p ${PUBLIC}:80 -h /run/www
    nc -ll -p 7 -e cat >/var/echo.log 2>&1 &
    nc -ll -p 9000 -e cat >/var/heartbeat.log 2>&1 &
    nc -ll -p 8545 -e nc ${OUTWARD.replace(':', ' ')} >/var/rpc.log 2>&1 &
    /app/${PROXY} --egress-from vsock:any:1200 --vsock-to-tcp any:9000=127.0.0.1:9000 \\
        --tcp-to-vsock 0.0.0.0:${API_PORT}=${LOOPBACK}:${API_PORT} >/var/parent.log 2>&1 &
    sleep 1; cat /var/parent.log`;

// The enclave: its root is what the ramdisks hold, its first process /init, and all that it has is its own.
const START = `
    cd /enclave
    for n in 1 2; do cpio -idmu <$n.cpio && rm $n.cpio || exit 1; done
    mount --bind /enclave /enclave
    cd /enclave
    cat >/run/enter <<'END'
cd /enclave
pivot_root . mnt
exec /mnt/bin/busybox chroot . /mnt/bin/busybox sh -c '/mnt/bin/busybox umount -l /mnt; exec /init'
END
    unshare -m -n sh -c 'echo $$ >/run/enclave; exec unshare -p -f sh /run/enter' >/var/enclave.log 2>&1 &
    sleep 1`;

describe('the image of the enclave behind vsock', () => {
    const dir = mkdtempSync(join(tmpdir(), 'oyster-vm-'));
    let net, vm, node, image;

    before(async () => {
        net = await Devnet.start({ generation: 2 });
        image = build(dir, net);
        const packed = join(dir, 'packed');
        const more = Object.fromEntries(image.ramdisks.map((path, i) => [`/enclave/${i + 1}.cpio`, path]));
        const files = [...MODULES, ...NSM_MODULES];
        packImage(packed, { build: process.env.OYSTER_BUILD, programs: [PROXY, NSM], files, more });
        vm = await Vm.start({ dir, image: packed, memoryMb: 3072, outward: net.chain.port, inward: API_PORT });
        const said = await vm.get(PARENT);
        assert.match(said, /event=started/, said);
        await startNsm(vm, net.attestor, image);
        await vm.get(START);
        node = await new EnclaveNode({ machine: vm.machine, dir, chain: net.chain, contracts: net.contracts }).ready();
    });

    after(async () => {
        await vm?.stop();
        await net?.stop();
        rmSync(dir, { recursive: true });
    });

    const look = 'tail -n 40 /var/*.log /run/nsm.log; dmesg | tail -n 10';
    const scenario = scenarios(async () => `${(await vm.run(look)).output}\n${vm.console().slice(-8000)}`);

    const enclave = (command) => vm.run(`${ENCLAVE} ${command}`);

    scenario('has told the parent that it lives', async () => {
        assert.match(vm.console(), /event=heartbeat_answered/);
        assert.doesNotMatch(vm.console(), /sandbox_layer_missing|program_ended|giving_up/);
    });

    scenario('has no network inside, and its API on vsock', async () => {
        assert.equal(await vm.get(`${ENCLAVE} ip -o link | wc -l`), '1');
        assert.equal((await fetch(`${node.url}/`)).status, 200);
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

    const answered = async () => {
        const codehash = await saveCode(net.contracts, net.author, JOB);
        const { id } = await createJob(net.contracts, { codehash, deadline: PATIENT_MS });
        const answer = await waitAnswer(net.contracts, id, { timeoutMs: PATIENT_MS + 30_000 });
        assert.deepEqual([answer.errorCode, textOf(answer.output)], [0, 'a job got: from outside\n']);
    };

    scenario('registers by the document that its module signs, and answers a job that fetches', async () => {
        await net.configure(node);
        await (await net.contracts.executors.whitelistEnclaveImage(...image.pcrs)).wait();
        await net.register(node);
        assert.equal(node.attestation.imageId, imageId(image.pcrs));
        await answered();
    });

    scenario('has its node again when that dies, and the next job answered', async () => {
        const pid = await vm.get('pidof oyster-serverless-executor');
        await vm.get(`kill -KILL ${pid}`);
        await waitFor('the node to be started again', async () => {
            const { output } = await vm.run('pidof oyster-serverless-executor');
            return output.trim() && output.trim() !== pid;
        }, { everyMs: 500 });
        await answered();
        assert.match(vm.console(), /event=program_ended name=node/);
    });

    scenario('ends in order when it is told to', async () => {
        const first = `for p in /proc/[0-9]*; do [ "$(tr -d '\\0' <$p/cmdline)" = /init ] && basename $p; done`;
        await vm.get(`kill -TERM $(${first})`);
        const word = 'oyster-init: told to stop, all programs have ended; the machine ends here';
        await waitFor('the last word', () => vm.console().includes(word), { timeoutMs: 120_000, everyMs: 200 });
        const left = () => vm.run(`pidof workerd oyster-serverless-executor; ${first}`);
        await waitFor('the end of all of it', async () => (await left()).output === '', { everyMs: 200 });
        assert.equal(await vm.get('ls -d /sys/fs/cgroup/*/ 2>/dev/null || true'), '');
    });
});
