// Compiles the contracts with solc, once for each content of the sources: devnet/out/<hash>.json.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { CONTRACTS, OUT } from './paths.mjs';

const require = createRequire(import.meta.url);
const SETTINGS = {
    optimizer: { enabled: true, runs: 200 },
    evmVersion: 'cancun',
    outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
};

function sources(dir = '') {
    const found = {};
    for (const entry of readdirSync(join(CONTRACTS, dir), { withFileTypes: true })) {
        const path = join(dir, entry.name);
        if (entry.isDirectory()) Object.assign(found, sources(path));
        else if (path.endsWith('.sol')) found[path] = { content: readFileSync(join(CONTRACTS, path), 'utf8') };
    }
    return found;
}

function contentHash(own) {
    const hash = createHash('sha256').update(JSON.stringify(SETTINGS)).update(JSON.stringify(own));
    for (const name of ['solc', '@openzeppelin/contracts']) hash.update(require(`${name}/package.json`).version);
    return hash.digest('hex').slice(0, 16);
}

// In a process of its own: it takes 300 MB, and hooks itself into the process's handling of errors.
function runSolc(own) {
    const input = JSON.stringify({ language: 'Solidity', sources: own, settings: SETTINGS });
    const modules = join(dirname(require.resolve('solc/package.json')), '..');
    const folders = ['--base-path', CONTRACTS, '--include-path', modules];
    const args = [require.resolve('solc/solc.js'), '--standard-json', ...folders];
    const text = execFileSync(process.execPath, args, { input, encoding: 'utf8', maxBuffer: 1 << 28 });
    const output = JSON.parse(text.slice(text.indexOf('{'))); // behind a line of thanks
    const complaints = (output.errors ?? []).filter((e) => e.severity !== 'info');
    if (complaints.length > 0) throw new Error(complaints.map((e) => e.formattedMessage).join('\n'));
    return output.contracts;
}

function collect(contracts) {
    const artifacts = {};
    for (const file of Object.values(contracts)) {
        for (const [name, { abi, evm }] of Object.entries(file)) {
            if (evm.bytecode.object !== '') artifacts[name] = { abi, bytecode: `0x${evm.bytecode.object}` };
        }
    }
    return artifacts;
}

// {ContractName: {abi, bytecode}} of everything under devnet/contracts.
export function compileContracts() {
    const own = sources();
    const path = join(OUT, `${contentHash(own)}.json`);
    try {
        return JSON.parse(readFileSync(path, 'utf8'));
    } catch (e) {
        if (e.code !== 'ENOENT') throw e;
    }
    const artifacts = collect(runSolc(own));
    mkdirSync(OUT, { recursive: true });
    const unfinished = `${path}.${process.pid}`; // several may compile at once
    writeFileSync(unfinished, JSON.stringify(artifacts));
    renameSync(unfinished, path);
    return artifacts;
}
