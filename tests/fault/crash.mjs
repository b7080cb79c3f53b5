// A run of jobs on a node that is killed at random instants and started again with the same files; nobody else touches
// it. What came of it is read from the chain.
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { hexlify, randomBytes } from 'ethers';
import { createJob, handler, saveCode } from '../../devnet/lib/jobs.mjs';
import { sleep } from '../../devnet/lib/proc.mjs';

// Small and repeatable (mulberry32): the same seed gives the same jobs and the same pauses.
export function randomFrom(seed) {
    let state = seed >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let t = state;
        t = Math.imul(t ^ (t >>> 15), t | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
}

const sleeps = (ms) => `await new Promise((r) => setTimeout(r, ${ms}));`;
const ECHO = handler('return new Response(await request.text());');
const SLEEP = handler(`const ms = await request.text(); ${sleeps('ms')} return new Response("slept " + ms);`);
const BROKEN = 'export default { async fetch( ';
const NEVER = handler(`${sleeps(600_000)} return new Response("late");`);

// What a job may be: {name, code, inputs, runMs: how long it takes, expect: the answer's error code and text}.
const KINDS = [
    () => ({ name: 'quick', code: ECHO, inputs: 'hello', runMs: 0, expect: [0, 'hello'] }),
    (random, i) => ({
        name: 'new code',
        code: handler(`return new Response("code ${i}");`),
        inputs: '',
        runMs: 0,
        expect: [0, `code ${i}`],
    }),
    (random) => {
        const ms = 1000 + Math.floor(random() * 1000);
        return { name: 'slow', code: SLEEP, inputs: String(ms), runMs: ms, expect: [0, `slept ${ms}`] };
    },
    () => ({ name: 'broken', code: BROKEN, inputs: '', runMs: 0, expect: [3, ''] }),
    () => ({ name: 'never', code: NEVER, inputs: '', runMs: 1500, deadline: 1500, expect: [4, ''] }),
    () => ({
        name: 'no code',
        codehash: hexlify(randomBytes(32)),
        inputs: '',
        runMs: 3000, // a transaction that nobody knows may still come
        deadline: 3000,
        expect: [1, ''],
    }),
];

// Draws a job; many are of the kind that is quickest to answer.
export function drawJob(random, i) {
    const kind = random() < 0.4 ? 0 : 1 + Math.floor(random() * (KINDS.length - 1));
    return { deadline: 6000, ...KINDS[kind](random, i) };
}

// Saves the code of n jobs and creates them with random pauses of at most 2 * everyMs, without waiting for one before
// the next. Returns them with id and createdAt.
export async function createJobs(net, random, n, everyMs) {
    const drawn = Array.from({ length: n }, (_, i) => drawJob(random, i));
    const codes = [...new Set(drawn.flatMap((job) => job.code ?? []))];
    const hashes = await Promise.all(codes.map((code) => saveCode(net.contracts, net.author, code)));
    const codehashOf = (job) => job.codehash ?? hashes[codes.indexOf(job.code)];
    const created = [];
    for (const job of drawn) {
        const { inputs, deadline } = job;
        created.push(createJob(net.contracts, { codehash: codehashOf(job), inputs, deadline, gasLimit: 1_500_000 }));
        await sleep(random() * 2 * everyMs);
    }
    return (await Promise.all(created)).map((one, i) => ({ ...drawn[i], ...one }));
}

// The moments at which an end hurts most: right after one of these was logged.
const MOMENTS = ['job_received', 'job_ran', 'tx_sent', 'tx_included', 'job_resumed', 'tx_adopted', 'following'];

// Waits, looking all the time, until the log tells an event anew; at most maxMs.
async function untilLogged(file, event, maxMs) {
    const end = Date.now() + maxMs;
    const from = statSync(file).size;
    const fd = openSync(file, 'r');
    const chunk = Buffer.alloc(1 << 18);
    try {
        for (let at = from; Date.now() < end; await setImmediate()) {
            const n = readSync(fd, chunk, 0, chunk.length, at);
            if (chunk.toString('latin1', 0, n).includes(`event=${event} `)) return;
            if (n > 4096) at += n - 4096; // a line may come in two reads
        }
    } finally {
        closeSync(fd);
    }
}

// When the next end comes: a pause (sometimes a short one, which hits a start), in half of the cases and then the next
// moment of some kind.
async function untilKill(node, random, everyMs) {
    await sleep(random() < 0.2 ? random() * 400 : random() * 2 * everyMs);
    if (random() < 0.5) return;
    await untilLogged(node.logFile, MOMENTS[Math.floor(random() * MOMENTS.length)], everyMs);
    if (random() < 0.5) await sleep(random() * 6);
}

// Kills and restarts the node n times. Returns the stretches of time in which it ran: [{from, to}], in ms.
export async function killAgainAndAgain(node, random, n, everyMs) {
    const lives = [];
    let from = Date.now();
    for (let i = 0; i < n; i++) {
        await untilKill(node, random, everyMs);
        if (!node.child.running) throw new Error(`${node.name} ended by itself: ${JSON.stringify(node.child.end)}`);
        await node.stop('SIGKILL');
        lives.push({ from, to: Date.now() });
        from = Date.now();
        await node.spawn();
    }
    lives.push({ from, to: Infinity });
    return lives;
}

// Was there a life long enough to answer this job within the contract's limit? settleMs: what a start and a
// transaction may take.
export function couldBeAnswered(job, lives, bufferMs, settleMs) {
    const limit = job.createdAt + job.deadline + bufferMs;
    return lives.some(({ from, to }) => Math.min(to, limit) - Math.max(from, job.createdAt) >= job.runMs + settleMs);
}

// Every transaction of an account: [{nonce, ok, jobId (submitOutput only), fill}].
export async function transactionsOf(net, account) {
    const { provider } = net.chain;
    const { jobs } = net.contracts;
    const found = [];
    const head = await provider.getBlockNumber();
    for (let number = 0; number <= head; number++) {
        const block = await provider.getBlock(number, true);
        for (const tx of block.prefetchedTransactions.filter((t) => t.from === account)) {
            const { status } = await provider.getTransactionReceipt(tx.hash);
            const call = tx.data === '0x' ? null : jobs.interface.parseTransaction(tx);
            const jobId = call?.name === 'submitOutput' ? call.args.jobId : null;
            found.push({ nonce: tx.nonce, ok: status === 1, jobId, fill: call === null });
        }
    }
    return found;
}
