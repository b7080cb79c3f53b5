// Builds the enclave's image in copies of this tree, as `make enclave` does, under circumstances of choice.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from '../../devnet/lib/paths.mjs';

const LINKED = ['node_modules', '.vm']; // what setup has fetched
const OUT = 'build/enclave';

function trackedFiles() {
    const list = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' });
    if (list.status !== 0) throw new Error(`git ls-files: ${list.stderr}`);
    return list.stdout.split('\0').filter((name) => name && !LINKED.includes(name));
}

// Copies the tree to the folder.
export function copyTree(folder) {
    for (const name of trackedFiles()) {
        mkdirSync(join(folder, dirname(name)), { recursive: true });
        cpSync(join(ROOT, name), join(folder, name), { dereference: true });
    }
    for (const name of LINKED) symlinkSync(join(ROOT, name), join(folder, name));
}

// The registers of an enclave of the image, from what its build has printed.
const pcrsIn = (output) => [0, 1, 2].map((n) => `0x${output.match(new RegExp(`^PCR${n} +(\\w{96})$`, 'm'))[1]}`);

// Builds in a tree, this one or a copy. args: of tools/enclave/build.mjs; umask and env as the shell has them. Returns {dir, output, pcrs,
// tool}: where the parts are, what was printed, the registers in it, and the path of a program that was built by its
// folder and name.
export function buildIn(folder, { args, umask = '022', env = {} }) {
    const script = 'umask "$1"; shift; exec node tools/enclave/build.mjs "$@"';
    const done = spawnSync('bash', ['-c', script, 'build', umask, ...args], {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, ...env },
    });
    if (done.status !== 0) throw new Error(`build in ${folder}: ${done.stderr}${done.stdout}`);
    return { dir: join(folder, OUT), output: done.stdout, pcrs: pcrsIn(done.stdout), tool: (path) => join(folder, OUT, 'obj', path) };
}
