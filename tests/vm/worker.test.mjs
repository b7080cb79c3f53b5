// The worker's unit tests inside the virtual machine: cgroups of version 2 and the sandbox on a real kernel that has
// all controllers there, the pool with workerd, the hostile jobs.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ROOT } from '../../devnet/lib/paths.mjs';
import { assert } from '../e2e/harness.mjs';
import { Vm, packImage } from './vm.mjs';

const SLOWNESS = 20; // what the emulated processor needs as time, at most
const [CGROUP, SANDBOX, POOL] = ['cgroup', 'sandbox', 'pool'].map((name) => `tests/unit/worker_${name}_test`);
const HOSTILE = 'tests/hostile/hostile_test';
const PROGRAMS = [CGROUP, SANDBOX, 'tests/unit/worker_probe', POOL, HOSTILE];
const FOLDER = 'tests/hostile';
const SCRIPTS = readdirSync(join(ROOT, FOLDER)).filter((name) => name.endsWith('.js')).sort();
const AT_ONCE = 4; // more than the machine has processors, as some wait
const PART = 60; // of them in one program, which has an end of its own

// [{name, ok}] of what a cmocka program, or one that prints like it, says.
function results(output) {
    const found = new Map();
    for (const [, mark, name] of output.matchAll(/^\[ +(OK|FAILED|SKIPPED) +\] ([a-z][^\s(]*)/gm)) {
        if (!found.has(name)) found.set(name, mark);
    }
    return [...found].map(([name, mark]) => ({ name, ok: mark !== 'FAILED', skipped: mark === 'SKIPPED' }));
}

describe('workers in a virtual machine with cgroup version 2', () => {
    const dir = mkdtempSync(join(tmpdir(), 'oyster-vm-'));
    let vm;

    before(async () => {
        const image = join(dir, 'image');
        const files = SCRIPTS.map((name) => `${FOLDER}/${name}`);
        packImage(image, { build: process.env.OYSTER_BUILD, programs: PROGRAMS, files });
        vm = await Vm.start({ dir, image, memoryMb: 3072 });
        await vm.get('echo 1 >/proc/sys/vm/overcommit_memory'); // as the enclave's first process does
    });

    after(async () => {
        await vm?.stop();
        rmSync(dir, { recursive: true });
    });

    // Runs a program and counts each test in it as one of ours.
    const program = (name, command) =>
        test(name, { timeout: 600_000 }, async (t) => {
            const { status, output } = await vm.run(`OYSTER_TEST_SLOWNESS=${SLOWNESS} timeout 590 ${command}`);
            const all = results(output);
            if (status !== 0) console.log(`--- ${command}: ${status}\n${output}\n---`);
            for (const { name: each, ok, skipped } of all) await t.test(each, { skip: skipped }, () => assert.ok(ok));
            assert.equal(status, 0);
            assert.ok(all.some((r) => r.ok && !r.skipped), 'it has run tests');
            assert.equal(await vm.get('ls -d /sys/fs/cgroup/*/ 2>/dev/null || true'), '', 'no group is left');
            assert.equal(await vm.get('pidof workerd || true'), '', 'no worker is left');
        });

    test('has version 2 with every controller', async () => {
        assert.match(await vm.read('/sys/fs/cgroup/cgroup.controllers'), /cpu .*memory .*pids/);
        assert.equal(await vm.get('grep -c "^cgroup " /proc/mounts || true'), '0');
    });

    program('cgroups', CGROUP);
    program('sandbox', SANDBOX);
    program('endings of jobs', `${POOL} test_endings`);
    for (let at = 0; at < SCRIPTS.length; at += PART) {
        const part = SCRIPTS.slice(at, at + PART);
        program(`hostile jobs from ${at + 1}`, `${HOSTILE} -j ${AT_ONCE} ${FOLDER} ${part.join(' ')}`);
    }
});
