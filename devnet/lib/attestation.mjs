// Attestation as on real hardware, but for the hardware: a hypervisor of the devnet's own (devnet-nsm) signs documents
// under a root of its own, oyster-attestation-verifier, pinned to that root, verifies them and vouches for them.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SigningKey, computeAddress, concat, getBytes, hexlify, keccak256, randomBytes } from 'ethers';
import { nsmBinary, toolBinary } from './paths.mjs';
import { Child, waitFor } from './proc.mjs';
import { publicKey64 } from './signing.mjs';

// The registers of the image that the devnet's enclaves run.
export const PCRS = [1, 2, 3].map((byte) => hexlify(new Uint8Array(48).fill(byte)));
// Those of the image that its verifier runs.
export const VERIFIER_PCRS = [4, 5, 6].map((byte) => hexlify(new Uint8Array(48).fill(byte)));

export const imageId = (pcrs) => keccak256(concat(pcrs));

// The registers in what a verifier vouches for (Attestor.vouched).
export const pcrsOf = ([, { PCR0, PCR1, PCR2 }]) => [PCR0, PCR1, PCR2];
const bare = (hex) => hex.replace(/^0x/, '');

async function ready(child, pattern) {
    return waitFor(`${child.name} to listen`, () => {
        if (!child.running) throw new Error(`${child.name} ended at start:\n${child.log()}`);
        return pattern.exec(readFileSync(child.logFile, 'utf8'));
    });
}

// What devnet-nsm is told of an image's registers.
export const pcrArgs = (pcrs) => pcrs.flatMap((pcr, i) => [`--pcr${i}`, bare(pcr)]);

// {child, url, root, rootKeyFile, device}: a hypervisor that runs an image with these registers. device: path of its
// security module; url: documents for whatever key asks, of whatever image. Those of a folder have the same root. mood:
// a file; while it holds "error NAME" or "delay MS", the module is not well.
export async function startHypervisor(dir, pcrs, { name = 'devnet-nsm', mood } = {}) {
    const rootKeyFile = join(dir, 'nitro-root.pem');
    const args = ['--root-key', rootKeyFile, ...pcrArgs(pcrs), ...(mood ? ['--mood', mood] : [])];
    const child = new Child(name, nsmBinary(), args, { logFile: join(dir, `${name}.log`) });
    const [line] = await ready(child, /^\{.*\}$/m);
    const { port, root, device } = JSON.parse(line);
    return { child, url: `http://127.0.0.1:${port}`, root, rootKeyFile, device };
}

async function startVerifier(dir, key, root) {
    const secret = join(dir, 'verifier.sec');
    const shared = join(dir, 'verifier.pub');
    writeFileSync(secret, getBytes(key.privateKey), { mode: 0o600 });
    writeFileSync(shared, getBytes(publicKey64(key)));
    const args = ['--secp256k1-secret', secret, '--secp256k1-public', shared, '--port', '0', '--root', root];
    const logFile = join(dir, 'verifier.log');
    const binary = toolBinary('verifier', 'oyster-attestation-verifier');
    const child = new Child('oyster-attestation-verifier', binary, args, { logFile });
    const [, port] = await ready(child, /listening.* port=(\d+)/);
    return { child, url: `http://127.0.0.1:${port}` };
}

export class Attestor {
    static async start({ dir, pcrs = PCRS, key = new SigningKey(hexlify(randomBytes(32))) }) {
        const attestor = new Attestor();
        attestor.pcrs = pcrs;
        attestor.key = key;
        try {
            attestor.hypervisor = await startHypervisor(dir, pcrs);
            attestor.verifier = await startVerifier(dir, key, attestor.hypervisor.root);
        } catch (e) {
            await attestor.stop();
            throw e;
        }
        return attestor;
    }

    // What contracts whitelist: the verifier's key (and its address), and the image of the enclaves.
    get publicKey() {
        return publicKey64(this.key);
    }

    get address() {
        return computeAddress(this.key);
    }

    // The document of an enclave with this public key, as its attestation server gives it. pcrs, timestampMs: of an
    // enclave with another image, of another time.
    async document(enclavePubKey, { pcrs, timestampMs } = {}) {
        const query = new URLSearchParams({ public_key: bare(enclavePubKey) });
        pcrs?.forEach((pcr, i) => query.set(`pcr${i}`, bare(pcr)));
        if (timestampMs !== undefined) query.set('timestamp_ms', String(timestampMs));
        const response = await fetch(`${this.hypervisor.url}/attestation/raw?${query}`);
        if (!response.ok) throw new Error(`devnet-nsm: ${response.status} ${await response.text()}`);
        return Buffer.from(await response.arrayBuffer());
    }

    // What the verifier answers to a document.
    async verify(document) {
        const headers = { 'content-type': 'application/octet-stream' };
        const response = await fetch(`${this.verifier.url}/verify/raw`, { method: 'POST', headers, body: document });
        const text = await response.text();
        if (!response.ok) throw new Error(`oyster-attestation-verifier: ${response.status} ${text}`);
        return JSON.parse(text);
    }

    // [signature, attestation] as registerExecutor takes them, of a document / of an enclave's public key.
    async vouched(document) {
        const said = await this.verify(document);
        const attestation = {
            enclavePubKey: `0x${said.secp256k1_public}`,
            PCR0: `0x${said.pcr0}`,
            PCR1: `0x${said.pcr1}`,
            PCR2: `0x${said.pcr2}`,
            timestampInMilliseconds: said.timestamp,
        };
        return [`0x${said.signature}`, attestation];
    }

    async attest(enclavePubKey, options) {
        return this.vouched(await this.document(enclavePubKey, options));
    }

    async stop() {
        await Promise.all([this.hypervisor?.child.stop(), this.verifier?.child.stop()]);
    }
}
