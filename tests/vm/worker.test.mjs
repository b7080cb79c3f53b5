// The worker's unit tests inside the virtual machine: cgroups of version 2 and the sandbox on a real kernel that has
// all controllers there, the pool with workerd.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { assert } from '../e2e/harness.mjs';
import { SLOWNESS, Vm, countEach, packImage, resultsIn } from './vm.mjs';

const NAMES = ['cgroup', 'cgroup_clear', 'sandbox', 'pool'];
const [CGROUP, CLEAR, SANDBOX, POOL] = NAMES.map((name) => `tests/unit/worker_${name}_test`);
const PROGRAMS = [CGROUP, CLEAR, SANDBOX, 'tests/unit/worker_probe', POOL];

describe('workers in a virtual machine with cgroup version 2', () => {
    const dir = mkdtempSync(join(tmpdir(), 'oyster-vm-'));
    let vm;

    before(async () => {
        const image = join(dir, 'image');
        packImage(image, { build: process.env.OYSTER_BUILD, programs: PROGRAMS });
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
            const all = resultsIn(output);
            if (status !== 0) console.log(`--- ${command}: ${status}\n${output}\n---`);
            await countEach(t, all);
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
    program('what is left in cgroups', CLEAR);
    program('sandbox', SANDBOX);
    program('endings of jobs', `${POOL} test_endings`);
});
