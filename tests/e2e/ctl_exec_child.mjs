// Runs every deterministic job of tests/hostile on chain and by oysterctl exec, in a network namespace without a route,
// and compares error codes and outputs. Prints a line a difference; status 0 when there is none.
//   ctl_exec_child.mjs [all | name…]   all: also those that are not deterministic
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AbiCoder, concat, hexlify } from 'ethers';
import { Devnet } from '../../devnet/lib/devnet.mjs';
import { createJob, waitAnswer } from '../../devnet/lib/jobs.mjs';
import { hostileJobs } from '../support/hostile.mjs';
import { ctlBinary } from './ctl.mjs';
import { showLogs, stopCleanly } from './harness.mjs';

const JOBS_AT_ONCE = 18; // of 20 slots: one that was answered may still be on its way off the books
const EXECS_AT_ONCE = 4;
const FILES_A_CALL = 8;
const BLOCK_GAS = '1000000000'; // a megabyte of code or inputs goes into one transaction

// Calls fn for each item, so many at a time.
async function each(items, atOnce, fn) {
    const queue = [...items];
    const worker = async () => {
        for (let item; (item = queue.shift()); ) await fn(item);
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
}

// The code's transaction; any bytes at all, which saveCodeInCallData's own encoder would not take.
async function save(net, code) {
    const data = concat(['0xff7cdaf3', AbiCoder.defaultAbiCoder().encode(['bytes'], [code])]);
    const tx = await net.author.sendTransaction({ to: net.contracts.userCode.target, data });
    return (await tx.wait()).hash;
}

async function onChain(net, job) {
    const codehash = await save(net, job.code);
    const { id } = await createJob(net.contracts, { codehash, inputs: job.inputs, deadline: job.deadline });
    const answer = await waitAnswer(net.contracts, id, { timeoutMs: job.deadline + 60_000 });
    return { errorCode: answer.errorCode, output: answer.output };
}

// One call for several jobs with the same inputs and deadline.
function groups(jobs) {
    const byKind = new Map();
    for (const job of jobs) {
        const kind = `${job.deadline} ${job.inputs.toString('hex')}`;
        const open = byKind.get(kind) ?? [];
        if (open.length === 0 || open.at(-1).length === FILES_A_CALL) open.push([]);
        open.at(-1).push(job);
        byKind.set(kind, open);
    }
    return [...byKind.values()].flat();
}

function byExec(dir, configFile, jobs) {
    const pathOf = (name) => join(dir, name);
    for (const { name, code } of jobs) writeFileSync(pathOf(name), code);
    const inputs = pathOf(`${jobs[0].name}.inputs`);
    writeFileSync(inputs, jobs[0].inputs);
    const options = ['--input-file', inputs, '--deadline', `${jobs[0].deadline}ms`, '--config-file', configFile];
    const args = ['exec', ...jobs.map((job) => pathOf(job.name)), ...options, '--json'];
    return new Promise((resolve, reject) => {
        execFile(ctlBinary(), args, { maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
            const told = JSON.parse(stdout || '{}');
            const runs = told.runs ?? (told.error_code === undefined ? [] : [told]);
            if (runs.length !== jobs.length) reject(new Error(`${args.join(' ')}: ${stderr}`));
            resolve(runs.map((run) => ({ errorCode: run.error_code, output: run.output, reason: run.reason })));
        });
    });
}

const short = ({ errorCode, output }) => `code ${errorCode}, output ${output.slice(0, 200)} (${output.length / 2 - 1} bytes)`;

async function compare(net, jobs) {
    const node = net.nodes[0];
    const dir = join(net.dir, 'exec');
    const [chain, exec] = [new Map(), new Map()];
    mkdirSync(dir);
    // Both at the same time: most of it is waiting, for quotas and deadlines.
    await Promise.all([
        each(jobs, JOBS_AT_ONCE, async (job) => chain.set(job.name, await onChain(net, job))),
        each(groups(jobs), EXECS_AT_ONCE, async (group) => {
            const runs = await byExec(dir, node.configFile, group);
            runs.forEach((run, i) => exec.set(group[i].name, run));
        }),
    ]);
    return jobs.filter(({ name, errorCode }) => {
        const [a, b] = [chain.get(name), exec.get(name)];
        const same = a.errorCode === b.errorCode && a.output === b.output && a.errorCode === errorCode;
        if (!same) console.log(`${name}: expected ${errorCode}\n  chain: ${short(a)}\n  exec:  ${short(b)} ${b.reason}`);
        return !same;
    });
}

const asked = process.argv.slice(2);
const jobs = hostileJobs().filter(
    (job) => asked.includes('all') || (asked.length > 0 ? asked.includes(job.name) : job.deterministic),
);
const net = await Devnet.start({ chain: { args: ['--gas-limit', BLOCK_GAS] } });
let differences;
try {
    await net.addNode();
    differences = await compare(net, jobs);
    await stopCleanly(net.nodes[0]);
} catch (e) {
    showLogs(net);
    throw e;
} finally {
    await net.stop();
}
console.log(`${jobs.length} compared, ${differences.length} differ`);
process.exit(differences.length === 0 && jobs.length > 0 ? 0 : 1);
