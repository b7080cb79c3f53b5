// An executor that runs inside the virtual machine; its API and the chain are reached through the machine's two doors.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { getBytes } from 'ethers';
import { pcrArgs } from '../../devnet/lib/attestation.mjs';
import { ExecutorNode } from '../../devnet/lib/node.mjs';
import { ROOT } from '../../devnet/lib/paths.mjs';
import { sleep, waitFor } from '../../devnet/lib/proc.mjs';
import { modulePath } from '../../tools/enclave/parts.mjs';
import { OUTWARD } from './vm.mjs';

export const API_PORT = 6001; // inside
export const NODE = 'src/oyster-serverless-executor'; // below the build folder, and below /app inside
export const NSM = 'devnet/nsm/devnet-nsm'; // below the same two
export const NSM_MODULES = ['fs/fuse/fuse', 'fs/fuse/cuse'].map((name) => relative(ROOT, modulePath(name)));
const RUNTIME = '/app/node_modules/@cloudflare/workerd-linux-64/bin';
const HOME = '/var/node';

// Gives the machine a Nitro Secure Module, /dev/nsm, of the attestor's hypervisor. pcrs: of the image that the machine is
// said to run.
export async function startNsm(vm, { hypervisor, pcrs: usual }, { pcrs = usual } = {}) {
    await vm.write('/run/nitro-root.pem', readFileSync(hypervisor.rootKeyFile), '600');
    const command = `/app/${NSM} --cuse nsm --root-key /run/nitro-root.pem ${pcrArgs(pcrs).join(' ')}`;
    await vm.get(`
        for module in ${NSM_MODULES.join(' ')}; do insmod /app/$module; done
        ${command} >/run/nsm.log 2>&1 &
        for i in $(seq 100); do grep -q device /run/nsm.log && exit 0; sleep 0.1; done
        cat /run/nsm.log; exit 1`);
}

// What ExecutorNode asks of a child process, for one that is inside.
class InsideProcess {
    constructor(vm) {
        this.vm = vm;
        this.text = '';
    }

    log() {
        return this.text;
    }

    async refresh() {
        this.text = await this.vm.read(`${HOME}/log`);
        this.exitStatus = await this.vm.get(`cat ${HOME}/status 2>/dev/null || true`);
        this.pid = Number(await this.vm.read(`${HOME}/pid`));
    }

    get running() {
        return !this.exitStatus;
    }

    // Returns {code}: what the shell saw, 128 + n for a signal.
    async stop(signal = 'SIGTERM', timeoutMs = 60_000) {
        await this.vm.run(`kill -${signal.replace('SIG', '')} $(cat ${HOME}/pid)`);
        const ended = async () => {
            await this.refresh();
            return !this.running;
        };
        await waitFor('the node inside to end', ended, { timeoutMs, everyMs: 250 });
        return { code: Number(this.exitStatus) };
    }
}

export class VmNode extends ExecutorNode {
    // config: members to add or replace, as in ExecutorNode.
    constructor({ vm, config = {}, ...rest }) {
        const inside = {
            workerd_runtime_path: RUNTIME,
            http_rpc_url: `http://${OUTWARD}`,
            web_socket_url: `ws://${OUTWARD}`,
            enclave_signer_file: `${HOME}/enclave.key`,
            state_dir: `${HOME}/state`,
            ledger_file: `${HOME}/ledger.db`,
            nsm_device: undefined, // its own
        };
        super({ ...rest, config: { ...inside, ...config } });
        this.vm = vm;
        this.url = `http://127.0.0.1:${vm.port}`;
    }

    // prefix: shell commands before the start, in the shell that starts it. within: a command that runs it.
    async start({ prefix = ':', within = '' } = {}) {
        await this.vm.write(`${HOME}/enclave.key`, getBytes(this.key.privateKey), '600');
        await this.vm.write(`${HOME}/config.json`, JSON.stringify(this.config));
        const command = `${within} /app/${NODE} --port ${API_PORT} --config-file ${HOME}/config.json`;
        const keep = `${command} & pid=$!; echo $pid >${HOME}/pid; wait $pid; echo $? >${HOME}/status`;
        await this.vm.get(`rm -f ${HOME}/status; ${prefix}; (${keep}) >${HOME}/log 2>&1 & sleep 1`);
        this.child = new InsideProcess(this.vm);
        const ask = () => fetch(`${this.url}/`, { signal: AbortSignal.timeout(5000) });
        const answers = () => ask().then((r) => r.ok, () => false);
        for (let tries = 0; !(await answers()); tries++) {
            await this.child.refresh();
            if (!this.child.running || tries > 120) throw new Error(`the node inside is not up:\n${this.child.log()}`);
            await sleep(500);
        }
        await this.child.refresh();
        return this;
    }
}
