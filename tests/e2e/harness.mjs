// What the end-to-end tests share: a devnet for a group of tests, logs shown when one fails, and checks that a node
// leaves nothing behind.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { getBytes, toUtf8String } from 'ethers';
import { Devnet } from '../../devnet/lib/devnet.mjs';
import { createJob, handler, saveCode, waitAnswer } from '../../devnet/lib/jobs.mjs';
import { sleep, waitFor } from '../../devnet/lib/proc.mjs';
import { descendants, isLocked, processes, workerCgroups } from '../../devnet/lib/system.mjs';

export const GENERATIONS = [1, 2];
const LOG_TAIL_LINES = 60;

// A chain with contracts for the tests of a describe(): {net} from before() on. setup(net) starts what they need.
export function useDevnet(options, setup = async () => {}) {
    const holder = {};
    before(async () => {
        holder.net = await Devnet.start(options);
        try {
            await setup(holder.net, holder);
        } catch (e) {
            showLogs(holder.net);
            throw e;
        }
    });
    after(async () => {
        if (holder.net === undefined) return;
        const ends = await Promise.all(holder.net.nodes.map((node) => stopCleanly(node).then(() => null, (e) => e)));
        await holder.net.stop();
        const failure = ends.find((e) => e !== null);
        if (failure) throw failure;
    });
    return holder;
}

// A test of a devnet: the ends of its nodes' logs are printed when it fails.
export function scenario(name, holder, run, options = {}) {
    test(name, { timeout: 120_000, ...options }, async (t) => {
        try {
            await run(holder.net, t);
        } catch (e) {
            showLogs(holder.net);
            throw e;
        }
    });
}

export function showLogs(net) {
    for (const node of net?.nodes ?? []) showLog(node);
}

function showLog(node) {
    if (!node.child) return;
    const lines = node.child.log().trimEnd().split('\n').slice(-LOG_TAIL_LINES);
    console.log(`--- end of the log of ${node.name}\n${lines.join('\n')}\n---`);
}

// Ends a node by SIGTERM: it must go by itself, with status 0, and leave no process and no file.
export async function stopCleanly(node) {
    if (!node.child?.running) return;
    const workers = descendants(node.child.pid);
    const { code, signal } = await node.stop('SIGTERM', 45_000);
    if (code !== 0) showLog(node);
    assert.deepEqual({ code, signal }, { code: 0, signal: null }, `${node.name} ends cleanly on SIGTERM`);
    await assertGone(workers);
    assert.deepEqual(filesOf(node), [], `${node.name} leaves no file in its state folder`);
}

// Waits until none of these processes is left (a pid that was used anew has another name or parent).
export async function assertGone(workers) {
    await waitFor(
        `the end of ${workers.length} worker processes`,
        () => {
            const now = new Map(processes().map((p) => [p.pid, p]));
            return workers.every((w) => now.get(w.pid)?.name !== w.name || now.get(w.pid).zombie);
        },
        { timeoutMs: 10_000 },
    );
}

// Files in a node's state folder, folders left out.
export function filesOf(node) {
    if (!existsSync(node.stateDir)) return [];
    return readdirSync(node.stateDir, { recursive: true, withFileTypes: true })
        .filter((entry) => !entry.isDirectory())
        .map((entry) => entry.name);
}

export function zombiesBelow(pid) {
    return descendants(pid).filter((p) => p.zombie);
}

// Remembers which worker cgroups exist; the function that it returns checks that there are no more of them, but for
// those that another executor on this machine holds.
export function watchCgroups() {
    const existing = new Set(workerCgroups());
    return () => {
        const left = workerCgroups().filter((path) => !existing.has(path) && !isLocked(path));
        // Killed while others hold groups, a node may have tried numbers that its next start does not come to.
        if (existing.size === 0) assert.deepEqual(left, [], 'no cgroup is left behind');
    };
}

// Saves code and runs one job with it. Returns the first answer, with its output as text.
export async function runJob(net, code, { inputs, deadline, codehash, ...options } = {}) {
    const hash = codehash ?? (await saveCode(net.contracts, net.author, code));
    const job = await createJob(net.contracts, { codehash: hash, inputs, deadline });
    const answer = await waitAnswer(net.contracts, job.id, { timeoutMs: (deadline ?? 5000) + 20_000, ...options });
    return { ...answer, job, text: textOf(answer.output) };
}

// Sends calldata as it is, also where the contract reverts; returns the transaction's hash once it is in a block.
export async function send(net, to, data) {
    const tx = await net.author.sendTransaction({ to, data, gasLimit: 3_000_000 });
    await tx.wait().catch((e) => {
        if (e.code !== 'CALL_EXCEPTION') throw e;
    });
    return tx.hash;
}

// Bytes as hex → text; what is no text stays hex.
export function textOf(output) {
    try {
        return toUtf8String(getBytes(output));
    } catch {
        return output;
    }
}

export { Devnet, assert, createJob, existsSync, handler, readFileSync, saveCode, sleep, waitAnswer, waitFor };
