// The executor in a machine that was booted from the enclave's image: nothing of it can be reached but its API. What a
// Nitro hypervisor adds from outside is laid over the image when it boots: a security module.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pcrArgs } from '../../devnet/lib/attestation.mjs';
import { ExecutorNode, nodeConfig } from '../../devnet/lib/node.mjs';
import { ROOT, nsmBinary } from '../../devnet/lib/paths.mjs';
import { waitFor } from '../../devnet/lib/proc.mjs';
import { Tree } from '../../tools/enclave/cpio.mjs';
import { addLibraries } from '../../tools/enclave/parts.mjs';
import { Machine, OUTWARD } from './vm.mjs';
import { NSM_MODULES } from './vm_node.mjs';

export const API_PORT = 6001; // inside, as deploy/enclave/init.conf has it
export const TABLE = '/etc/oyster/init.conf'; // in the image
const DECIDED = ['workerd_runtime_path', 'enclave_signer_file', 'state_dir', 'ledger_file']; // by the image
const BOOT_MS = 300_000;
const ROOT_KEY = '/hypervisor/root.pem';

// The config that goes into an image, for a node whose chain is behind the machine's door.
export function imageConfig({ chain, contracts }, more = {}) {
    const outside = { chainId: chain.chainId, httpUrl: `http://${OUTWARD}`, wsUrl: `ws://${OUTWARD}` };
    const config = { ...nodeConfig({ chain: outside, contracts }), ...more };
    for (const key of DECIDED) delete config[key];
    return config;
}

// Boots what `oyster-eif extract` has put into parts. ramdisks: more of them, laid over the image's own; kernelArgs: more
// for the kernel.
export async function bootImage({ dir, parts, name = 'enclave', ramdisks = [], kernelArgs = '', ...rest }) {
    const own = [0, 1, 2, 3].map((n) => join(parts, `ramdisk-${n}`)).filter(existsSync);
    const initrd = join(dir, `${name}.initrd`);
    writeFileSync(initrd, Buffer.concat([...own.map((path) => readFileSync(path)), ...ramdisks]));
    const append = `${readFileSync(join(parts, 'cmdline'), 'utf8')} ${kernelArgs}`.trimEnd();
    return Machine.start({ dir, name, kernel: join(parts, 'kernel'), initrd, append, ...rest });
}

// What the hypervisor lays over an image with this table and these registers, as a ramdisk.
export function hypervisorOver(table, { hypervisor, pcrs }) {
    const over = new Tree().copy('/bin/devnet-nsm', nsmBinary(), 0o755).copy(ROOT_KEY, hypervisor.rootKeyFile, 0o600);
    addLibraries(over, nsmBinary());
    NSM_MODULES.forEach((path, i) => over.copy(`/lib/modules/9${i}-${basename(path)}`, join(ROOT, path)));
    const line = `keep nsm /bin/devnet-nsm --cuse nsm --root-key ${ROOT_KEY} ${pcrArgs(pcrs).join(' ')}\n`;
    return over.file(TABLE, table.replace(/^keep node /m, `${line}$&`));
}

export class EnclaveNode extends ExecutorNode {
    constructor({ machine, ...rest }) {
        super({ ...rest, name: 'outside' });
        this.child = machine.child;
        this.machine = machine;
        this.url = `http://127.0.0.1:${machine.port}`;
    }

    // Until the API answers; returns itself.
    async ready() {
        const ask = () => fetch(`${this.url}/`, { signal: AbortSignal.timeout(5000) });
        await waitFor('the enclave to answer', () => {
            if (!this.machine.running) throw new Error(`the enclave ended:\n${this.machine.console()}`);
            return ask().then((r) => r.ok, () => false);
        }, { timeoutMs: BOOT_MS, everyMs: 100 });
        return this;
    }
}
