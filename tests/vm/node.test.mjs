// The node on a real kernel with cgroup version 2, in a virtual machine; the chain is outside. With the default limits:
// a job is answered, one that eats memory is killed, one that loops is held to its share of the processor.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { Devnet } from '../../devnet/lib/devnet.mjs';
import { assert, createJob, saveCode, textOf, waitAnswer, waitFor } from '../e2e/harness.mjs';
import { Vm, packImage, scenarios } from './vm.mjs';
import { API_PORT, NODE, NSM, NSM_MODULES, VmNode, startNsm } from './vm_node.mjs';

const SLOTS = 20;
const GROUPS = '/sys/fs/cgroup';
const TRACE = '/sys/kernel/tracing';
const QUOTA = 0.05; // of a processor
const PATIENT_MS = 180_000; // deadline of jobs that are meant to be answered: this processor is an emulated one

const HELLO = 'export default { async fetch(r) { return new Response(`hello ${await r.text()}`); } };';
const BOMB = `export default { fetch() {
    const kept = [];
    for (;;) kept.push(new Uint8Array(1 << 20).fill(1));
} };`;
const LOOP = 'export default { fetch() { for (;;); } };';

describe('the node in a virtual machine with cgroup version 2', () => {
    const dir = mkdtempSync(join(tmpdir(), 'oyster-vm-'));
    let net, vm, node;

    before(async () => {
        const image = join(dir, 'image');
        packImage(image, { build: process.env.OYSTER_BUILD, programs: [NODE, NSM], files: NSM_MODULES });
        net = await Devnet.start({ generation: 2 });
        vm = await Vm.start({ dir, image, outward: net.chain.port, inward: API_PORT });
        await vm.get(`mount -t tracefs tracefs ${TRACE}; echo 1 >${TRACE}/events/cgroup/cgroup_attach_task/enable`);
        node = new VmNode({ vm, dir, chain: net.chain, contracts: net.contracts });
        await startNsm(vm, net.attestor);
        await node.start();
        await net.configure(node);
        await net.register(node);
    });

    after(async () => {
        await vm?.stop();
        await net?.stop();
        rmSync(dir, { recursive: true });
    });

    const scenario = scenarios(async () => (await vm.run('tail -n 60 /var/node/log; dmesg | tail -n 20')).output);

    const job = async (code, inputs, deadline) => {
        const codehash = await saveCode(net.contracts, net.author, code);
        const { id } = await createJob(net.contracts, { codehash, inputs, deadline });
        const answer = await waitAnswer(net.contracts, id, { timeoutMs: deadline + 30_000 });
        return { ...answer, text: textOf(answer.output) };
    };

    // {group name: content} of one file of every worker group.
    const ofGroups = async (file) => {
        const text = await vm.get(`cd ${GROUPS}; for g in workerd_*; do echo $g $(cat $g/${file}); done`);
        const pair = (line) => [line.split(' ')[0], line.slice(line.indexOf(' ') + 1).trim()];
        return Object.fromEntries(text.split('\n').map(pair));
    };
    const counter = (text, key) => Number(text.match(new RegExp(`\\b${key} (\\d+)`))?.[1]);
    const total = (groups, key) => Object.values(groups).reduce((sum, text) => sum + counter(text, key), 0);

    // Process ids of workers, with what /proc says of each.
    const workers = async () => {
        const text = await vm.get(
            `for p in $(cat ${GROUPS}/workerd_*/cgroup.procs); do cd /proc/$p || continue; ` +
                'echo "$p $(sed -n "s/^Name:.//p" status) ' +
                '$(grep -E "^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):" status | tr -s "\\t\\n" "  ") ' +
                'cgroup=$(cat cgroup) root=$(ls root | tr "\\n" ,) ' +
                'ns=$(for n in user mnt pid ipc uts net; do readlink ns/$n; done | tr "\\n" ,)"; done',
        );
        return text.split('\n').filter((line) => line.includes(' workerd '));
    };

    scenario('has nothing but the chain to talk to', async () => {
        const { status } = await vm.run('nc -w 2 10.0.2.2 22 </dev/null || nc -w 2 10.0.2.3 53 </dev/null');
        assert.notEqual(status, 0);
    });

    scenario('made a group for each slot, with its limits', async () => {
        const limits = { 'memory.max': '104857600', 'memory.swap.max': '0', 'memory.oom.group': '1', 'pids.max': '32' };
        for (const [file, value] of Object.entries(limits)) {
            const found = await ofGroups(file);
            for (let n = 1; n <= SLOTS; n++) assert.equal(found[`workerd_${n}`], value, `${file} of workerd_${n}`);
        }
    });

    scenario('holds workers ready, shut in by every layer of the sandbox', async () => {
        const own = await vm.get('for n in user mnt pid ipc uts net; do readlink /proc/self/ns/$n; done');
        const network = own.split('\n')[5];
        const inner = await waitFor('four held workers beside the gateway, which has the host\'s network', async () => {
            const list = await workers(); // a fifth may be at its rehearsal
            const held = list.filter((line) => !line.includes(network));
            return held.length === 4 && list.length === 5 && held;
        }, { timeoutMs: 120_000, everyMs: 1000 });
        for (const line of inner) {
            assert.match(line, /Uid: 60\d{3} /, line);
            assert.match(line, /CapEff: 0{16} CapBnd: 0{16} NoNewPrivs: 1 Seccomp: 2/, line);
            assert.match(line, /cgroup=0::\/workerd_\d+ /, line);
            assert.match(line, /root=bin,config.bin,lib,(lib64,)?slot,sys, /, line);
            for (const ns of own.split('\n')) assert.ok(!line.includes(ns), `${ns} is shared: ${line}`);
        }
        assert.doesNotMatch(node.child.log(), /sandbox_layer_missing/);
    });

    scenario('answers a job', async () => {
        const { errorCode, text } = await job(HELLO, 'you', PATIENT_MS);
        assert.deepEqual({ errorCode, text }, { errorCode: 0, text: 'hello you' });
    });

    scenario('answers 6 for a job that memory.max has killed', async () => {
        const { errorCode, output } = await job(BOMB, '', PATIENT_MS);
        assert.deepEqual({ errorCode, output }, { errorCode: 6, output: '0x' });
        const events = await ofGroups('memory.events');
        assert.ok(total(events, 'oom_kill') > 0 && total(events, 'max') > 0, JSON.stringify(events));
        assert.match(await vm.get('dmesg'), /oom-kill:constraint=CONSTRAINT_MEMCG.*oom_memcg=\/workerd_\d+/);
    });

    scenario('holds a loop to its quota and answers 4 at its deadline', async () => {
        const deadline = 20_000;
        const before = await ofGroups('cpu.stat');
        const answer = job(LOOP, '', deadline);
        answer.catch(() => {}); // it is awaited below, unless a check fails first
        const looping = await waitFor('a throttled group', async () => {
            const now = await ofGroups('cpu.stat');
            const times = (groups, name) => counter(groups[name], 'nr_throttled');
            return Object.keys(now).find((name) => times(now, name) > times(before, name) + 2);
        }, { everyMs: 500 });
        assert.equal((await ofGroups('cpu.max'))[looping], '50000 1000000');
        const look = `cat /proc/uptime ${GROUPS}/${looping}/cpu.stat`;
        const text = await vm.get(`${look}; sleep 5; ${look}`);
        const [[t0, t1], [u0, u1], [n0, n1]] = [/^([\d.]+) [\d.]+$/gm, /usage_usec (\d+)/g, /nr_throttled (\d+)/g].map(
            (pattern) => [...text.matchAll(pattern)].map((m) => Number(m[1])),
        );
        const share = (u1 - u0) / 1e6 / (t1 - t0);
        console.log(`the loop had ${(share * 100).toFixed(1)} % of a processor and was throttled ${n1 - n0} times`);
        assert.ok(n1 > n0, 'it was throttled');
        assert.ok(share > 0 && share < QUOTA * 2, `${share} of a processor`);
        const { errorCode, output, totalTime } = await answer;
        assert.deepEqual({ errorCode, output, totalTime }, { errorCode: 4, output: '0x', totalTime: deadline });
    });

    // The kernel traces each process that is moved into a group; one that is born there is not moved.
    scenario('has its workers born in their groups', async () => {
        const moves = await vm.get(`grep cgroup_attach_task ${TRACE}/trace || true`);
        const moved = moves.split('\n').filter((line) => / dst_path=\/workerd_\d+ /.test(line));
        assert.ok(moved.length > 0, 'the trace sees the one process by which the node tries out a group at its start');
        assert.deepEqual(moved.filter((line) => !line.includes('dst_path=/workerd_1 ')), []);
        assert.equal(moved.length, 1, moved.join('\n'));
    });

    scenario('leaves nothing on SIGTERM', async () => {
        const { code } = await node.stop('SIGTERM');
        assert.equal(code, 0);
        assert.equal(await vm.get(`ls -d ${GROUPS}/*/ 2>/dev/null || true`), '');
        assert.equal(await vm.get('pidof workerd oyster-serverless-executor || true'), '');
        assert.equal(await vm.get('find /var/node/state -type f -o -type s 2>/dev/null || true'), '');
        assert.equal(await vm.get('grep -c workerd /proc/mounts || true'), '0');
    });
});
