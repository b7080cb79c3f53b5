// oysterctl as the tests run it: the real binary, without a terminal.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ctlBinary } from '../../devnet/lib/paths.mjs';
import { assert } from './harness.mjs';

export { ctlBinary };

export const EXIT = { ok: 0, failed: 1, usage: 2, refused: 3, reverted: 4, timeout: 5, check: 6 };

// Runs oysterctl to its end. env: variables to add; input: standard input. Returns {code, stdout, stderr}.
export function oysterctl(args, { env = {}, input, timeoutMs = 60_000 } = {}) {
    return new Promise((resolve, reject) => {
        // A session of its own: no terminal that questions could reach.
        const child = spawn(ctlBinary(), args, { detached: true, env: { ...process.env, ...env } });
        const out = { stdout: '', stderr: '' };
        const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
        child.stdout.on('data', (data) => (out.stdout += data));
        child.stderr.on('data', (data) => (out.stderr += data));
        child.stdin.on('error', () => {});
        child.stdin.end(input ?? '');
        child.once('error', reject);
        child.once('close', (code, signal) => {
            clearTimeout(timer);
            resolve({ code: code ?? signal, ...out });
        });
    });
}

// The same with --json: {code, result, stderr}; stdout must be one JSON document.
export async function oysterctlJson(args, options) {
    const { code, stdout, stderr } = await oysterctl([...args, '--json'], options);
    let result;
    assert.doesNotThrow(() => (result = JSON.parse(stdout)), `${args.join(' ')}: one JSON document, not: ${stdout}${stderr}`);
    return { code, result, stderr };
}

// Runs it at a terminal of its own (script(1) makes one). dialogue: [what is shown, what is typed then], in order.
// Returns {code, screen}.
export function oysterctlAtTerminal(args, dialogue, { timeoutMs = 60_000 } = {}) {
    return new Promise((resolve, reject) => {
        const quoted = [ctlBinary(), ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
        const child = spawn('script', ['-qefc', quoted, '/dev/null'], { detached: true });
        const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
        let screen = '';
        let seen = 0;
        child.stdout.on('data', (data) => {
            screen += data;
            while (dialogue.length > 0 && screen.indexOf(dialogue[0][0], seen) >= 0) {
                seen = screen.indexOf(dialogue[0][0], seen) + dialogue[0][0].length;
                child.stdin.write(dialogue.shift()[1]);
            }
        });
        child.once('error', reject);
        child.once('close', (code, signal) => {
            clearTimeout(timer);
            resolve({ code: code ?? signal, screen });
        });
    });
}

const bare = (hex) => hex.replace(/^0x/, '');

// The verifier's answer about an enclave of a devnet, in its first form. Returns the file's path.
export async function attestationFile(net, enclavePubKey, options) {
    const { attestor, dir } = net;
    const path = join(dir, `attestation-${bare(enclavePubKey).slice(0, 8)}.json`);
    const answer = await attestor.verify(await attestor.document(enclavePubKey, options));
    writeFileSync(path, JSON.stringify(answer));
    return path;
}

// A key file of an account. Returns its path.
export function keyFile(dir, name, account) {
    const path = join(dir, `${name}.key`);
    writeFileSync(path, `${account.privateKey}\n`, { mode: 0o600 });
    return path;
}
