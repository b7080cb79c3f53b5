// A node whose endpoint misbehaves in every way of cases.mjs: each job is answered exactly once, and the node is as it was.
import { readdirSync } from 'node:fs';
import { describe, after, before, test } from 'node:test';
import { answersTo } from '../../devnet/lib/jobs.mjs';
import { Devnet, assert, createJob, runJob, saveCode, showLogs, sleep, stopCleanly, textOf, waitAnswer, waitFor } from '../e2e/harness.mjs';
import { CASES } from './cases.mjs';
import { FaultProxy } from './proxy.mjs';

const code = (text) => `export default { async fetch() { return new Response(${JSON.stringify(text)}); } }`;
const SILENCE_S = 4;
const descriptors = (node) => readdirSync(`/proc/${node.child.pid}/fd`).length;

async function startNode(net, proxies, options = {}) {
    const chain = { chainId: net.chain.chainId, httpUrl: proxies.map((p) => p.httpUrl), wsUrl: proxies.map((p) => p.wsUrl) };
    return net.addNode({ chain, config: { head_silence_seconds: SILENCE_S }, ...options });
}

// One job of new code; it must have exactly one answer, the right one, also a moment later.
async function answeredOnce(net, text, { deadline, whileWaiting = async () => {} }) {
    const codehash = await saveCode(net.contracts, net.author, code(text));
    const job = await createJob(net.contracts, { codehash, inputs: '', deadline });
    await whileWaiting();
    const answer = await waitAnswer(net.contracts, job.id, { timeoutMs: deadline + 12_000 });
    assert.equal(answer.errorCode, 0);
    assert.equal(textOf(answer.output), text);
    return job;
}

async function assertOneEach(net, jobs) {
    await sleep(500);
    for (const job of jobs) assert.equal((await answersTo(net.contracts, job.id)).length, 1, `answers to job ${job.id}`);
}

describe('faults of one endpoint', () => {
    let net, proxy, node, idle;
    const jobs = [];
    before(async () => {
        net = await Devnet.start({ generation: 2 });
        proxy = await FaultProxy.start(net.chain);
        node = await startNode(net, [proxy]);
        await answeredOnce(net, 'to begin with', { deadline: 10_000 });
        idle = descriptors(node);
    });
    after(async () => {
        await stopCleanly(node);
        await proxy.stop();
        await net.stop();
    });

    for (const { name, fault, before: prepare, forMs, deadline } of CASES)
        test(name, { timeout: 90_000 }, async () => {
            try {
                proxy.fault = fault(proxy);
                await prepare?.(proxy);
                const timer = forMs && setTimeout(() => (proxy.fault = {}), forMs);
                jobs.push(await answeredOnce(net, name, { deadline }));
                clearTimeout(timer);
                proxy.fault = {};
                jobs.push(await answeredOnce(net, `after: ${name}`, { deadline: 15_000 }));
            } catch (e) {
                showLogs(net);
                throw e;
            } finally {
                proxy.fault = {};
            }
        });

    test('no job has two answers, no descriptor is lost', async () => {
        await assertOneEach(net, jobs);
        assert.ok(jobs.length >= 80, `${jobs.length} jobs`);
        const now = descriptors(node);
        assert.ok(now <= idle + 12, `${idle} descriptors before, ${now} after`);
    });
});

describe('two endpoints', () => {
    let net;
    before(async () => {
        net = await Devnet.start({ generation: 1 });
    });
    after(() => net.stop());

    const dead = () => ({ http: async () => { throw new Error('dead'); }, upgrade: (socket) => socket.destroy() || true });
    const mute = () => ({ http: async () => new Promise(() => {}), upgrade: () => true });
    const otherChain = () => ({
        http: async (call, forward, reply) =>
            reply(call.method === 'eth_chainId' ? JSON.stringify({ jsonrpc: '2.0', id: call.id, result: '0x1' }) : (await forward()).text),
    });
    const cases = [
        ['the first is dead', async (a) => (a.fault = dead())],
        ['the second is dead', async (a, b) => (b.fault = dead())],
        ['the first dies on the way', async (a) => { await sleep(200); a.fault = dead(); a.cutStreams(); }],
        ['they die in turn', async (a, b) => {
            for (const [one, other] of [[a, b], [b, a], [a, b]]) {
                other.fault = {};
                one.fault = dead();
                one.cutStreams();
                await sleep(700);
            }
        }],
    ];
    for (const [name, during] of cases)
        test(name, { timeout: 90_000 }, async () => {
            const [a, b] = [await FaultProxy.start(net.chain), await FaultProxy.start(net.chain)];
            const node = await startNode(net, [a, b]);
            try {
                await answeredOnce(net, `${name}, before`, { deadline: 10_000 });
                await answeredOnce(net, name, { deadline: 20_000, whileWaiting: () => during(a, b) });
                await answeredOnce(net, `${name}, after`, { deadline: 20_000 });
            } catch (e) {
                showLogs(net);
                throw e;
            } finally {
                a.fault = b.fault = {};
                await node.stop('SIGTERM', 45_000);
                await net.contracts.executors.connect(net.owner).drainExecutor(node.address).then((tx) => tx.wait());
                await Promise.all([a.stop(), b.stop()]);
            }
        });

    for (const [name, fault] of [['silent', mute], ['of another chain', otherChain]])
        test(`from the start the first is ${name}`, { timeout: 90_000 }, async () => {
            const [a, b] = [await FaultProxy.start(net.chain), await FaultProxy.start(net.chain)];
            a.fault = fault();
            let node;
            try {
                node = net.newNode({ chain: { chainId: net.chain.chainId, httpUrl: [a.httpUrl, b.httpUrl], wsUrl: [a.wsUrl, b.wsUrl] } });
                await node.start();
                await net.configure(node);
                await waitFor('the registration', () => net.register(node).then(() => true, () => false), { timeoutMs: 40_000, everyMs: 500 });
                await answeredOnce(net, name, { deadline: 30_000 });
            } catch (e) {
                showLogs(net);
                throw e;
            } finally {
                a.fault = {};
                await node?.stop('SIGTERM', 45_000);
                if (node) await net.contracts.executors.connect(net.owner).drainExecutor(node.address).then((tx) => tx.wait());
                await Promise.all([a.stop(), b.stop()]);
            }
        });
});

describe('reorganisations', () => {
    let net, node;
    before(async () => {
        net = await Devnet.start({ generation: 2 });
        node = await net.addNode();
    });
    after(async () => {
        await stopCleanly(node);
        await net.stop();
    });
    const slow = 'export default { async fetch() { await new Promise((r) => setTimeout(r, 3000)); return new Response("slow"); } }';
    const rpc = (method, params) => net.chain.provider.send(method, params);

    test('a job whose block goes is not answered; the same id in another block is', { timeout: 90_000 }, async () => {
        try {
            const codehash = await saveCode(net.contracts, net.author, slow);
            const snapshot = await rpc('evm_snapshot', []);
            const gone = await createJob(net.contracts, { codehash, inputs: '', deadline: 20_000 });
            await sleep(800);
            assert.equal(await rpc('evm_revert', [snapshot]), true);
            net.author.reset?.();
            await sleep(1500);
            const job = await createJob(net.contracts, { codehash, inputs: '', deadline: 20_000 });
            assert.equal(job.id, gone.id, 'the same job again');
            const answer = await waitAnswer(net.contracts, job.id, { timeoutMs: 30_000 });
            assert.equal(textOf(answer.output), 'slow');
            await assertOneEach(net, [job]);
        } catch (e) {
            showLogs(net);
            throw e;
        }
    });

    test('an answer whose block goes is sent again', { timeout: 90_000 }, async () => {
        try {
            const answer = await runJob(net, code('reorganised'), { deadline: 20_000 });
            const depth = (await net.chain.provider.getBlockNumber()) - answer.block + 1;
            await rpc('anvil_reorg', [depth, []]);
            assert.deepEqual(await answersTo(net.contracts, answer.job.id), [], 'the answer went with its block');
            const again = await waitAnswer(net.contracts, answer.job.id, { timeoutMs: 30_000 });
            assert.equal(textOf(again.output), 'reorganised');
            await assertOneEach(net, [answer.job]);
        } catch (e) {
            showLogs(net);
            throw e;
        }
    });
});
