// Random faults of both endpoints, kills, restarts and reorganisations against one node at work, for some minutes. In the
// end every job of the chain as it then stands must have exactly one answer. Wrong outputs are told, not judged: a pool
// may bring an answer of a job that went to the one that got its id before anybody could revoke it.
//   node tests/soak/faults.mjs [--seed 1] [--minutes 3] [--log DIR: where the node's log goes when a job had no answer]
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Devnet } from '../../devnet/lib/devnet.mjs';
import { createJob, handler, saveCode } from '../../devnet/lib/jobs.mjs';
import { sleep } from '../../devnet/lib/proc.mjs';
import { CASES } from '../fault/cases.mjs';
import { randomFrom } from '../fault/crash.mjs';
import { startNode } from '../fault/harness.mjs';
import { FaultProxy } from '../fault/proxy.mjs';

const { values } = parseArgs({
    options: { seed: { type: 'string', default: '1' }, minutes: { type: 'string', default: '3' }, log: { type: 'string' } },
});
const SETTLE_MS = 25_000; // the longest deadline, the contract's buffer, and some
const ONE_FAULT_MS = 5000; // the other endpoint works meanwhile
const BOTH_FAULT_MS = 1500;

// {name: [code, error code of its answer]}
const CODES = {
    ok: [handler('return new Response("ok");'), 0],
    echo: [handler('return new Response(await request.text());'), 0],
    slow: [handler('await new Promise((r) => setTimeout(r, 1500)); return new Response("slow");'), 0],
    loop: [handler('for (;;) {}'), 4],
    syntax: ['export default {', 3],
    huge: [handler('return new Response("y".repeat(90001));'), 5],
    oom: [handler('const a = []; for (;;) a.push(new Uint8Array(1 << 20).fill(1));'), 6],
};
const NAMES = Object.keys(CODES);

const random = randomFrom(Number(values.seed));
const below = (n) => Math.floor(random() * n);
const pick = (list) => list[below(list.length)];
const events = [];
const note = (...words) => events.push(`${new Date().toISOString()} ${words.join(' ')}`);

const net = await Devnet.start({ generation: 2 });
const proxies = [await FaultProxy.start(net.chain), await FaultProxy.start(net.chain)];
const node = await startNode(net, proxies);
const codehashes = {};
for (const name of NAMES) codehashes[name] = await saveCode(net.contracts, net.author, CODES[name][0]);

let stopping = false;
let paused = false; // no job is created while blocks are taken back
let creating = Promise.resolve();

async function createOne() {
    const job = { codehash: codehashes[pick(['ok', 'ok', 'ok', 'echo', 'echo', ...NAMES])], inputs: 'in', deadline: 4000 + below(6000) };
    const late = sleep(5000).then(() => Promise.reject(new Error('not in a block after 5 s')));
    await Promise.race([createJob(net.contracts, job), late]).catch((e) => {
        note('no job:', e.message.slice(0, 100)); // no executor has room, or its block went
        net.author.reset();
    });
}

async function createJobs() {
    while (!stopping) {
        await sleep(below(600));
        if (!paused) await (creating = createOne());
    }
}

async function fault() {
    const { name, fault: hooks, before, forMs = BOTH_FAULT_MS } = pick(CASES);
    const which = pick([[0], [1], [0, 1]]);
    note('fault on', which, name);
    for (const i of which) {
        proxies[i].fault = hooks(proxies[i]);
        await before?.(proxies[i]);
    }
    await sleep(Math.min(forMs, which.length === 2 ? BOTH_FAULT_MS : ONE_FAULT_MS));
    for (const proxy of proxies) proxy.fault = {};
}

async function restart(signal, away) {
    note(signal);
    await node.stop(signal, 45_000);
    await sleep(away);
    await node.start();
    note('started');
}

async function reorganise() {
    paused = true;
    await creating;
    const depth = 1 + below(4);
    note('reorganisation of', depth);
    await net.chain.provider.send('anvil_reorg', [depth, []]);
    net.author.reset();
    paused = false;
}

async function trouble() {
    while (!stopping) {
        await sleep(500 + below(2500));
        const dice = below(10);
        if (dice < 6) await fault();
        else if (dice < 7) await restart('SIGKILL', below(1500));
        else if (dice < 8) await restart('SIGTERM', 0);
        else if (dice < 9) await reorganise();
        else for (const proxy of proxies) proxy.cutStreams();
    }
}

// {how many jobs, those without exactly one answer, those with another error code than their code's: lines}
async function judge() {
    const { jobs } = net.contracts;
    const created = await jobs.queryFilter(jobs.filters.JobCreated(), 0, 'latest');
    const answers = new Map();
    const seen = new Set(); // anvil may tell a transaction's log for a block that went, too
    for (const { args, transactionHash } of await jobs.queryFilter(jobs.filters.JobResponded(), 0, 'latest')) {
        if (seen.has(transactionHash)) continue;
        seen.add(transactionHash);
        answers.set(args.jobId, [...(answers.get(args.jobId) ?? []), Number(args.errorCode)]);
    }
    const found = { jobs: created.length, unanswered: [], other: [] };
    for (const { args, blockNumber } of created) {
        const name = NAMES.find((n) => codehashes[n] === args.codehash);
        const codes = answers.get(args.jobId) ?? [];
        const line = `job ${args.jobId} (${name}) of block ${blockNumber}: answers ${JSON.stringify(codes)}`;
        if (codes.length !== 1) found.unanswered.push(line);
        else if (codes[0] !== CODES[name][1]) found.other.push(line);
    }
    return found;
}

async function run() {
    const work = [createJobs(), trouble()];
    await sleep(Number(values.minutes) * 60_000);
    stopping = true;
    await Promise.all(work);
    await sleep(SETTLE_MS);
    const { jobs, unanswered, other } = await judge();
    console.log(`seed ${values.seed}: ${jobs} jobs, ${unanswered.length} without one answer, ${other.length} with another error code`);
    for (const line of [...unanswered, ...other]) console.log(`  ${line}`);
    process.exitCode = unanswered.length > 0 ? 1 : 0;
}

try {
    await run();
} finally {
    if (process.exitCode !== 0 && values.log) {
        writeFileSync(join(values.log, 'node.log'), node.child.log());
        writeFileSync(join(values.log, 'faults.log'), events.join('\n'));
    }
    for (const proxy of proxies) await proxy.stop();
    await net.stop();
}
