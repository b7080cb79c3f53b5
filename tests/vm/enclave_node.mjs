// The executor in a machine that was booted from the enclave's image: nothing of it can be reached but its API.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ExecutorNode, nodeConfig } from '../../devnet/lib/node.mjs';
import { waitFor } from '../../devnet/lib/proc.mjs';
import { Machine, OUTWARD } from './vm.mjs';

export const API_PORT = 6001; // inside, as deploy/enclave/init.conf has it
const DECIDED = ['workerd_runtime_path', 'enclave_signer_file', 'state_dir', 'ledger_file']; // by the image
const BOOT_MS = 300_000;

// The config that goes into an image, for a node whose chain is behind the machine's door.
export function imageConfig({ chain, contracts }, more = {}) {
    const outside = { chainId: chain.chainId, httpUrl: `http://${OUTWARD}`, wsUrl: `ws://${OUTWARD}` };
    const config = { ...nodeConfig({ chain: outside, contracts }), ...more };
    for (const key of DECIDED) delete config[key];
    return config;
}

// Boots what `oyster-eif extract` has put into parts. ramdisks: more of them, laid over the image's own.
export async function bootImage({ dir, parts, name = 'enclave', ramdisks = [], ...rest }) {
    const own = [0, 1, 2, 3].map((n) => join(parts, `ramdisk-${n}`)).filter(existsSync);
    const initrd = join(dir, `${name}.initrd`);
    writeFileSync(initrd, Buffer.concat([...own.map((path) => readFileSync(path)), ...ramdisks]));
    const append = readFileSync(join(parts, 'cmdline'), 'utf8');
    return Machine.start({ dir, name, kernel: join(parts, 'kernel'), initrd, append, ...rest });
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
