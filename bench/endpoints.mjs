// What a second endpoint is worth: two endpoints that each are late by chance (0 to 200 ms, drawn anew each time), first in
// telling of a job, then in handing out its code; a node that has one of them, and one that has both. Printed is from
// the moment at which the chain tells of the job to the moment at which the answer leaves the node.
//   node bench/endpoints.mjs [--jobs 40]
import { parseArgs } from 'node:util';
import { Transaction } from 'ethers';
import { followLogs } from './arrivals.mjs';
import { Devnet } from '../devnet/lib/devnet.mjs';
import { drain } from '../devnet/lib/executor.mjs';
import { createJob, saveCode, waitAnswer } from '../devnet/lib/jobs.mjs';
import { sleep, waitFor } from '../devnet/lib/proc.mjs';
import { FaultProxy } from '../tests/fault/proxy.mjs';

const { values } = parseArgs({ options: { jobs: { type: 'string', default: '40' } } });
const LATE_MS = 200;
const code = (text) => `export default { async fetch(r) { return new Response(${text} + (await r.text())); } };`;

const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
const isLog = (message) => Array.isArray(message.params.result.topics);
const chance = () => Math.random() * LATE_MS;

// Notes when answers come. late: 'logs' or 'code'.
const lateEndpoint = (late, sends) => ({
    notify: (message, send) => (late === 'logs' && isLog(message) ? setTimeout(send, chance()) : send()),
    http: async (call, forward, reply) => {
        if (call.method === 'eth_sendRawTransaction') sends.push({ raw: call.params[0], at: performance.now() });
        const { text } = await forward();
        if (late === 'code' && call.method === 'eth_getTransactionByHash') await sleep(chance());
        return reply(text);
    },
});

// Median of ms from event to answer, of a node with these endpoints.
async function latency(net, proxies, late) {
    const sends = [];
    for (const proxy of proxies) proxy.fault = lateEndpoint(late, sends);
    const logs = await followLogs(net.chain.wsUrl, net.contracts.jobs);
    const submitOutput = net.contracts.jobs.interface.getFunction('submitOutput');
    const isAnswer = ({ raw }) => Transaction.from(raw).data.startsWith(submitOutput.selector);
    const codehashes = [];
    for (let i = 0; i < Number(values.jobs); i++) codehashes.push(await saveCode(net.contracts, net.author, code(i)));
    const chain = { chainId: net.chain.chainId, httpUrl: proxies.map((p) => p.httpUrl), wsUrl: proxies.map((p) => p.wsUrl) };
    const node = await net.addNode({ chain });
    await sleep(2000);
    const found = [];
    for (const [i, codehash] of codehashes.entries()) {
        sends.length = 0;
        const { id } = await createJob(net.contracts, { codehash, inputs: String(i), deadline: 10_000 });
        const answer = await waitAnswer(net.contracts, id);
        if (answer.errorCode !== 0) throw new Error(`job ${id} ended with error code ${answer.errorCode}`);
        const told = await waitFor('the log of the job', () => logs.at('JobCreated', id));
        found.push(sends.find(isAnswer).at - told);
        await sleep(LATE_MS + 50); // the other endpoint's word comes, too
    }
    await drain(net.contracts, net.owner, node.address);
    await node.stop();
    await logs.stop();
    return median(found);
}

const net = await Devnet.start({ generation: 2 });
const proxies = [await FaultProxy.start(net.chain), await FaultProxy.start(net.chain)];
try {
    console.log(`event → answer leaves, median of ${values.jobs} jobs, with endpoints that are 0 to ${LATE_MS} ms late`);
    for (const late of ['logs', 'code']) {
        const one = await latency(net, proxies.slice(0, 1), late);
        const both = await latency(net, proxies, late);
        console.log(`${late}: one endpoint ${one.toFixed(0)} ms, both ${both.toFixed(0)} ms: ${(one / both).toFixed(2)} times as fast`);
    }
} finally {
    await net.stop();
    await Promise.all(proxies.map((proxy) => proxy.stop()));
}
