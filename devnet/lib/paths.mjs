// Where things are in this tree.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const CONTRACTS = join(ROOT, 'devnet', 'contracts');
export const OUT = join(ROOT, 'devnet', 'out');

const require = createRequire(import.meta.url);
const cpu = { x64: ['linux-amd64', 'linux-64'], arm64: ['linux-arm64', 'linux-arm64'] }[process.arch];

function need(path, hint) {
    if (!existsSync(path)) throw new Error(`${path} is missing: ${hint}`);
    return path;
}

function packageDir(name) {
    try {
        return dirname(require.resolve(`${name}/package.json`));
    } catch {
        throw new Error(`${name} is not installed: run tools/setup.sh`);
    }
}

// The binary itself rather than npm's wrapper: one process, that dies when it is killed.
export function anvilBinary() {
    return need(join(packageDir(`@foundry-rs/anvil-${cpu[0]}`), 'bin', 'anvil'), 'run tools/setup.sh');
}

export function workerdDir() {
    const dir = join(packageDir(`@cloudflare/workerd-${cpu[1]}`), 'bin');
    need(join(dir, 'workerd'), 'run tools/setup.sh');
    return dir;
}

export function executorBinary() {
    const bin = process.env.OYSTER_BIN ?? join(ROOT, 'build', 'src', 'oyster-serverless-executor');
    return need(bin, 'run make build, or name the binary in OYSTER_BIN');
}

// The owner's tool, of the same build as the executor.
export function ctlBinary() {
    const built = join(dirname(executorBinary()), '..', 'tools', 'oysterctl', 'oysterctl');
    return need(process.env.OYSTERCTL_BIN ?? built, 'run make build, or name the binary in OYSTERCTL_BIN');
}

// The build folder that the executor is from; where it comes from elsewhere, that of this tree.
function buildDir() {
    const beside = join(dirname(executorBinary()), '..');
    return process.env.OYSTER_BUILD ?? (existsSync(join(beside, 'tools')) ? beside : join(ROOT, 'build'));
}

// A program of tools/ of the same build as the executor.
export const toolBinary = (folder, name) => need(join(buildDir(), 'tools', folder, name), 'run make build');

// The devnet's own hypervisor, of the same build as the executor.
export const nsmBinary = () => need(join(buildDir(), 'devnet', 'nsm', 'devnet-nsm'), 'run make build');
