// What the node costs, measured on a local chain (`make bench`):
//   latency    from the JobCreated log reaching the node to its eth_sendRawTransaction leaving it, seen by a proxy on
//              the node's side; jobs one after the other, with the same code and with different code, RPC round trip
//              0 and 50 ms
//   throughput jobs per second while every slot is busy
//   memory     resident, idle and after it all
//   node bench/run.mjs [--jobs 50] [--rtt 0,50] [--generation 2] [--json FILE]
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { Transaction } from 'ethers';
import { FEES } from '../devnet/lib/chain.mjs';
import { ENV } from '../devnet/lib/contracts.mjs';
import { Devnet } from '../devnet/lib/devnet.mjs';
import { KeyExecutor, registerExecutor } from '../devnet/lib/executor.mjs';
import { createJob, saveCode, waitAnswer } from '../devnet/lib/jobs.mjs';
import { sleep } from '../devnet/lib/proc.mjs';
import { startProxy } from './proxy.mjs';

const { values } = parseArgs({
    options: {
        jobs: { type: 'string', default: '50' },
        rtt: { type: 'string', default: '0,50' },
        generation: { type: 'string', default: '2' },
        json: { type: 'string' },
    },
});
const JOBS = Number(values.jobs);
const SLOTS = 20;
const OPEN_JOBS = 30; // at a time, when all slots are to be busy
const THROUGHPUT_JOBS = 300;
const PAUSE_MS = 150; // between jobs, as jobs come in life: one at a time
const code = (text) => `export default { async fetch(r) { return new Response("${text}" + await r.text()); } };`;

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)];
const ms = (value) => value.toFixed(1).padStart(8);
const mib = (bytes) => `${(bytes / (1 << 20)).toFixed(1)} MiB`;

function failOn(answer) {
    if (answer.errorCode !== 0) throw new Error(`a job of the bench ended with error code ${answer.errorCode}`);
    return answer;
}

// [ms for each job] of what the proxy has seen.
function latencies(net, { logs, sends }) {
    const { jobs } = net.contracts;
    const submitOutput = jobs.interface.getFunction('submitOutput');
    const created = new Map(logs.map((log) => [BigInt(log.jobId), log.at]));
    const found = new Map(); // the first send of each job
    for (const { raw, at } of sends) {
        const { data } = Transaction.from(raw);
        if (!data.startsWith(submitOutput.selector)) continue;
        const { jobId } = jobs.interface.decodeFunctionData(submitOutput, data);
        if (created.has(jobId) && !found.has(jobId)) found.set(jobId, at - created.get(jobId));
    }
    return [...found.values()];
}

async function oneByOne(net, proxy, codehashes) {
    await proxy.take();
    for (const [i, codehash] of codehashes.entries()) {
        const job = await createJob(net.contracts, { codehash, inputs: String(i), deadline: 10_000 });
        failOn(await waitAnswer(net.contracts, job.id));
        await sleep(PAUSE_MS);
    }
    const found = latencies(net, await proxy.take());
    if (found.length !== codehashes.length) throw new Error(`the proxy saw ${found.length} of ${codehashes.length} jobs`);
    return found.sort((a, b) => a - b);
}

// n signed transactions that each create one job.
async function signedJobs(net, n) {
    const { jobOwner, generation } = net.contracts;
    const codehash = await saveCode(net.contracts, net.author, code('t'));
    const args = [codehash, '0x', 60_000];
    const name = generation === 1 ? 'createJob(bytes32,bytes,uint256)' : 'createJob(uint8,bytes32,bytes,uint256)';
    const data = jobOwner.interface.encodeFunctionData(name, generation === 1 ? args : [ENV, ...args]);
    const nonce = await net.author.getNonce();
    const tx = { to: jobOwner.target, data, gasLimit: 1_000_000, chainId: net.chain.chainId, ...FEES };
    return Promise.all(Array.from({ length: n }, (_, i) => net.author.signTransaction({ ...tx, nonce: nonce + i })));
}

// Keeps more jobs open than there are slots until all are answered. Returns jobs per second.
async function throughput(net) {
    const { provider } = net.chain;
    const { jobs } = net.contracts;
    const transactions = await signedJobs(net, THROUGHPUT_JOBS);
    const from = (await provider.getBlockNumber()) + 1;
    const start = performance.now();
    let [sent, answers] = [0, []];
    while (answers.length < THROUGHPUT_JOBS) {
        const room = Math.min(THROUGHPUT_JOBS - sent, answers.length + OPEN_JOBS - sent);
        const batch = transactions.slice(sent, sent + room).map((raw) => provider.send('eth_sendRawTransaction', [raw]));
        await Promise.all(batch);
        sent += batch.length;
        answers = await jobs.queryFilter(jobs.filters.JobResponded(), from, 'latest');
        if (performance.now() - start > 300_000) throw new Error(`${answers.length} of ${sent} jobs answered in 300 s`);
    }
    const seconds = (performance.now() - start) / 1000;
    for (const { args } of answers) failOn({ errorCode: Number(args.errorCode) });
    return THROUGHPUT_JOBS / seconds;
}

// A registered node behind a proxy; its enclave may hold more jobs than it has slots.
async function nodeBehindProxy(net, rttMs) {
    const jobCreated = net.contracts.jobs.interface.getEvent('JobCreated').topicHash;
    const proxy = await startProxy({ chain: net.chain, rttMs, jobCreated });
    const node = await net.newNode({ chain: proxy }).start();
    await net.configure(node);
    await node.registrationMessage();
    const enclave = new KeyExecutor(net.contracts, node.key);
    const registration = enclave.registration(net.owner.address, { jobCapacity: 2 * SLOTS });
    const { enclave_public_key: enclavePubKey } = await node.details();
    await registerExecutor(net.contracts, { owner: net.owner, enclavePubKey, registration });
    return { node, proxy };
}

async function measure(rttMs, report) {
    const net = await Devnet.start({ generation: Number(values.generation) });
    let proxy;
    try {
        let node;
        ({ node, proxy } = await nodeBehindProxy(net, rttMs));
        const same = await saveCode(net.contracts, net.author, code('same'));
        const different = [];
        for (let i = 0; i < JOBS; i++) different.push(await saveCode(net.contracts, net.author, code(`d${i}`)));
        await sleep(2000);
        const idle = node.residentBytes();
        await oneByOne(net, proxy, Array(5).fill(same)); // warm: connections, cache, gas limits
        for (const [what, codehashes] of [['same code', Array(JOBS).fill(same)], ['different code', different]]) {
            report.latency.push({ rttMs, what, samples: await oneByOne(net, proxy, codehashes) });
        }
        if (rttMs === 0) report.jobsPerSecond = await throughput(net);
        await sleep(2000);
        report.memory.push({ rttMs, idle, after: node.residentBytes() });
    } catch (e) {
        for (const node of net.nodes) if (node.child) console.error(node.child.log().split('\n').slice(-40).join('\n'));
        throw e;
    } finally {
        await net.stop();
        await proxy?.stop();
    }
}

function print(report) {
    console.log(`${cpus().length} x ${cpus()[0].model}, load ${loadavg()[0].toFixed(2)}, ${JOBS} jobs for each line\n`);
    console.log('JobCreated reaches the node → eth_sendRawTransaction leaves it (ms)');
    console.log('round trip  code                 min      p50      p95      p99      max');
    for (const { rttMs, what, samples } of report.latency) {
        const columns = [samples[0], ...[0.5, 0.95, 0.99, 1].map((q) => quantile(samples, q))].map(ms).join(' ');
        console.log(`${String(rttMs).padStart(7)} ms  ${what.padEnd(15)}${columns}`);
    }
    if (report.jobsPerSecond) console.log(`\nall ${SLOTS} slots busy: ${report.jobsPerSecond.toFixed(1)} jobs/s`);
    for (const { rttMs, idle, after } of report.memory) {
        console.log(`node resident, round trip ${rttMs} ms: ${mib(idle)} idle (${SLOTS} slots), ${mib(after)} after all jobs`);
    }
}

const report = { latency: [], memory: [] };
for (const rttMs of values.rtt.split(',').map(Number)) await measure(rttMs, report);
print(report);
if (values.json) writeFileSync(values.json, JSON.stringify(report, null, 2));
