// What a second endpoint is worth: two endpoints that each tell of a job late, by chance (0 to 200 ms, drawn anew for each
// job and endpoint); a node that has one of them, and one that has both. Printed is from the moment at which the chain
// tells of the job to the moment at which the answer leaves the node.
//   node bench/endpoints.mjs [--jobs 40]
import { parseArgs } from 'node:util';
import { Transaction } from 'ethers';
import { followLogs } from '../devnet/lib/arrivals.mjs';
import { Devnet } from '../devnet/lib/devnet.mjs';
import { drain } from '../devnet/lib/executor.mjs';
import { createJob, saveCode, waitAnswer } from '../devnet/lib/jobs.mjs';
import { sleep, waitFor } from '../devnet/lib/proc.mjs';
import { FaultProxy } from '../tests/fault/proxy.mjs';

const { values } = parseArgs({ options: { jobs: { type: 'string', default: '40' } } });
const LATE_MS = 200;
const CODE = 'export default { async fetch(r) { return new Response(await r.text()); } };';

const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
const isLog = (message) => Array.isArray(message.params.result.topics);

// Tells logs late; notes when answers come.
function lateEndpoint(sends) {
    return {
        notify: (message, send) => (isLog(message) ? setTimeout(send, Math.random() * LATE_MS) : send()),
        http: async (call, forward, reply) => {
            if (call.method === 'eth_sendRawTransaction') sends.push({ raw: call.params[0], at: performance.now() });
            return reply((await forward()).text);
        },
    };
}

async function latencies(net, proxies, sends) {
    const logs = await followLogs(net.chain.wsUrl, net.contracts.jobs);
    const submitOutput = net.contracts.jobs.interface.getFunction('submitOutput');
    const codehash = await saveCode(net.contracts, net.author, CODE);
    const chain = { chainId: net.chain.chainId, httpUrl: proxies.map((p) => p.httpUrl), wsUrl: proxies.map((p) => p.wsUrl) };
    const node = await net.addNode({ chain });
    await sleep(2000);
    const found = [];
    for (let i = 0; i < Number(values.jobs); i++) {
        sends.length = 0;
        const { id } = await createJob(net.contracts, { codehash, inputs: String(i), deadline: 10_000 });
        const answer = await waitAnswer(net.contracts, id);
        if (answer.errorCode !== 0) throw new Error(`job ${id} ended with error code ${answer.errorCode}`);
        const told = await waitFor('the log of the job', () => logs.at('JobCreated', id));
        const isAnswer = ({ raw }) => Transaction.from(raw).data.startsWith(submitOutput.selector);
        found.push(sends.find(isAnswer).at - told);
        await sleep(250); // the other endpoint's word comes, too
    }
    await drain(net.contracts, net.owner, node.address);
    await node.stop();
    await logs.stop();
    return found;
}

const net = await Devnet.start({ generation: 2 });
const proxies = [await FaultProxy.start(net.chain), await FaultProxy.start(net.chain)];
const sends = [];
for (const proxy of proxies) proxy.fault = lateEndpoint(sends);
try {
    const one = median(await latencies(net, proxies.slice(0, 1), sends));
    const both = median(await latencies(net, proxies, sends));
    console.log(`event → answer leaves, median of ${values.jobs} jobs; each endpoint 0 to ${LATE_MS} ms late`);
    console.log(`one endpoint ${one.toFixed(0)} ms, both ${both.toFixed(0)} ms: ${(one / both).toFixed(2)} times as fast`);
} finally {
    await net.stop();
    await Promise.all(proxies.map((proxy) => proxy.stop()));
}
