// An executor process: its files, its start, its HTTP API.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SigningKey, computeAddress, getBytes, hexlify, randomBytes } from 'ethers';
import { executorBinary, workerdDir } from './paths.mjs';
import { Child, freePort, waitFor } from './proc.mjs';
import { publicKey64 } from './signing.mjs';
import { residentBytes } from './system.mjs';

// The config file's content for a node on this chain.
export function nodeConfig({ chain, contracts, signerFile, stateDir, ledgerFile }) {
    return {
        workerd_runtime_path: workerdDir(),
        common_chain_id: chain.chainId,
        http_rpc_url: chain.httpUrl,
        web_socket_url: chain.wsUrl,
        executors_contract_addr: contracts.executors.target,
        jobs_contract_addr: contracts.jobs.target,
        code_contract_addr: contracts.userCode.target,
        enclave_signer_file: signerFile,
        execution_buffer_time: contracts.options.executionBufferTime,
        num_selected_executors: contracts.options.nodesToSelect,
        state_dir: stateDir,
        ledger_file: ledgerFile,
    };
}

export class ExecutorNode {
    // Writes key and config under dir; nothing runs yet. config: members to add or replace (undefined: to leave out).
    constructor({ name = 'node', dir, chain, contracts, config = {}, key = new SigningKey(hexlify(randomBytes(32))) }) {
        this.name = name;
        this.dir = join(dir, name);
        this.key = key;
        this.address = computeAddress(key);
        this.stateDir = join(this.dir, 'state');
        this.ledgerFile = join(this.dir, 'ledger.db');
        this.configFile = join(this.dir, 'config.json');
        this.logFile = join(this.dir, 'node.log');
        mkdirSync(this.dir, { recursive: true });
        const signerFile = join(this.dir, 'enclave.key');
        writeFileSync(signerFile, getBytes(key.privateKey), { mode: 0o600 });
        const { stateDir, ledgerFile } = this;
        // several nodes live beside each other, in enclaves of the same image
        const own = { metrics_addr: '127.0.0.1:0', nsm_device: contracts.attestor?.hypervisor.device };
        this.config = { ...nodeConfig({ chain, contracts, signerFile, stateDir, ledgerFile }), ...own, ...config };
        this.writeConfig();
    }

    // The enclave's public key, as executor-details has it.
    get publicKey() {
        return publicKey64(this.key);
    }

    writeConfig() {
        writeFileSync(this.configFile, JSON.stringify(this.config, null, 4));
    }

    // Starts the process without waiting for it.
    async spawn({ port, args = [] } = {}) {
        if (this.child?.running) throw new Error(`${this.name} is running already`);
        this.port = port ?? this.port ?? (await freePort());
        this.url = `http://127.0.0.1:${this.port}`;
        const given = ['--port', String(this.port), '--config-file', this.configFile, ...args];
        this.child = new Child(this.name, executorBinary(), given, { logFile: this.logFile, append: true });
    }

    // Starts the process and waits until its API answers.
    async start(options) {
        await this.spawn(options);
        await waitFor(
            `${this.name} to answer`,
            async () => {
                if (!this.child.running) throw new Error(`${this.name} ended at start:\n${this.child.log()}`);
                return fetch(`${this.url}/`).then((r) => r.ok, () => false);
            },
            { timeoutMs: 60_000 },
        );
        return this;
    }

    // Where metrics and health are served, as the running process has told in its log.
    get monitorUrl() {
        const told = [...this.child.log().matchAll(/monitor_listens .*?address=(\S+) port=(\d+)/g)].at(-1);
        if (!told) throw new Error(`${this.name} has not told where it serves metrics`);
        return `http://${told[1]}:${told[2]}`;
    }

    stop(signal, timeoutMs) {
        return this.child?.stop(signal, timeoutMs);
    }

    async get(path) {
        const response = await fetch(this.url + path);
        return { status: response.status, text: await response.text() };
    }

    // body: a string as it is, or a value to be sent as JSON.
    async post(path, body) {
        const response = await fetch(this.url + path, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: typeof body === 'string' ? body : JSON.stringify(body),
        });
        return { status: response.status, text: await response.text() };
    }

    async #expectOk(answer, what) {
        const { status, text } = await answer;
        if (status !== 200) throw new Error(`${this.name}: ${what}: ${status} ${text}`);
        return text;
    }

    async details() {
        return JSON.parse(await this.#expectOk(this.get('/executor-details'), 'executor-details'));
    }

    async setOwner(address) {
        await this.#expectOk(this.post('/immutable-config', { owner_address_hex: address }), 'immutable-config');
    }

    // gas: an Account.
    async setGasKey(gas) {
        await this.#expectOk(this.post('/mutable-config', { gas_key_hex: gas.privateKey }), 'mutable-config');
    }

    async registrationMessage() {
        const answer = await waitFor('the registration message', async () => {
            const { status, text } = await this.get('/signed-registration-message');
            return status !== 503 && { status, text }; // 503: the chain has not said yet which generation it is
        });
        return JSON.parse(await this.#expectOk(answer, 'signed-registration-message'));
    }

    // The attestation document that the node has its security module sign.
    async document() {
        const response = await fetch(`${this.url}/attestation/raw`);
        if (!response.ok) throw new Error(`${this.name}: /attestation/raw: ${response.status} ${await response.text()}`);
        return Buffer.from(await response.arrayBuffer());
    }

    // What the node uses of memory now, in bytes, as the kernel counts it.
    residentBytes() {
        return residentBytes(this.child.pid);
    }
}
