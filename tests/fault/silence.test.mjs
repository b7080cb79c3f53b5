// What must not end in silence, which is slashed: code that nobody tells, a view that an endpoint tells wrongly, a
// simulation that knows less than the chain, an answer that a reorganisation has put before its job.
import { rmSync } from 'node:fs';
import { describe, after, before, test } from 'node:test';
import { parseUnits } from 'ethers';
import { answersTo } from '../../devnet/lib/jobs.mjs';
import { Devnet, assert, createJob, saveCode, showLogs, sleep, stopCleanly, textOf, waitAnswer, waitFor } from '../e2e/harness.mjs';
import { answeredOnce, assertOneEach, code, startNode } from './harness.mjs';
import { FaultProxy, STALL } from './proxy.mjs';

const EXECUTORS_VIEW = '0x9ac2a011';
const CHEAP = { maxFeePerGas: parseUnits('0.9', 'gwei'), maxPriorityFeePerGas: 1n }; // comes behind the node's answer in a block
const error = (call, message, code) => JSON.stringify({ jsonrpc: '2.0', id: call.id, error: { code, message } });
const result = (call, value) => JSON.stringify({ jsonrpc: '2.0', id: call.id, result: value });

describe('no silence', () => {
    let net, proxy, node;
    before(async () => {
        net = await Devnet.start({ generation: 2 });
        proxy = await FaultProxy.start(net.chain);
        node = await startNode(net, [proxy]);
        await answeredOnce(net, 'to begin with', { deadline: 10_000 });
    });
    after(async () => {
        await stopCleanly(node);
        await proxy.stop();
        await net.stop();
    });
    const scenario = (name, run) =>
        test(name, { timeout: 90_000 }, async () => {
            try {
                await run();
            } catch (e) {
                showLogs(net);
                throw e;
            } finally {
                proxy.fault = {};
            }
        });
    const rpc = (method, params = []) => net.chain.provider.send(method, params);
    const logged = (text, from = 0) => waitFor(text, () => node.child.log().slice(from).includes(text), { timeoutMs: 20_000 });

    scenario('code that no endpoint tells until the deadline', async () => {
        proxy.fault = {
            http: async (call, forward, reply) => (call.method === 'eth_getTransactionByHash' ? STALL : reply((await forward()).text)),
        };
        const codehash = await saveCode(net.contracts, net.author, code('untold'));
        const job = await createJob(net.contracts, { codehash, deadline: 2000 });
        const { errorCode, totalTime } = await waitAnswer(net.contracts, job.id, { timeoutMs: 10_000 });
        assert.deepEqual({ errorCode, totalTime }, { errorCode: 4, totalTime: 2000 });
        await assertOneEach(net, [job]);
    });

    scenario('an endpoint simulates on a block that lacks the job', async () => {
        let left = 3;
        proxy.fault = {
            http: async (call, forward, reply) =>
                reply(call.method === 'eth_sendRawTransaction' && left-- > 0 ? error(call, 'execution reverted', 3) : (await forward()).text),
        };
        const job = await answeredOnce(net, 'simulated', { deadline: 10_000 });
        await assertOneEach(net, [job]);
    });

    scenario('the output is more than the endpoint takes in a transaction', async () => {
        proxy.fault = {
            http: async (call, forward, reply) =>
                reply(call.method === 'eth_sendRawTransaction' && call.params[0].length > 40_000
                    ? error(call, 'oversized data: transaction size 20512, limit 20000', -32000)
                    : (await forward()).text),
        };
        const large = 'export default { async fetch() { return new Response("x".repeat(20_000)); } }';
        const job = await createJob(net.contracts, { codehash: await saveCode(net.contracts, net.author, large), deadline: 5000 });
        const { errorCode, output } = await waitAnswer(net.contracts, job.id, { timeoutMs: 12_000 });
        assert.deepEqual({ errorCode, output }, { errorCode: 5, output: '0x' });
        await assertOneEach(net, [job]);
    });

    // A job of this code is answered while its block goes; the answer is included where there is no such job.
    async function answerBeforeItsJob(text, createAgain) {
        const codehash = await saveCode(net.contracts, net.author, code(text));
        await rpc('evm_setIntervalMining', [0]);
        try {
            const gone = createJob(net.contracts, { codehash, deadline: 30_000 });
            await sleep(300);
            await rpc('evm_mine');
            const { id } = await gone;
            await logged(`event=answer_sent job=${id} `);
            await rpc('anvil_reorg', [1, []]);
            net.author.reset();
            const job = await createAgain(id, () => createJob(net.contracts, { codehash, deadline: 30_000, ...CHEAP }));
            assert.equal(job.id, id, 'the same job again');
            await rpc('evm_setIntervalMining', [1]);
            const answer = await waitAnswer(net.contracts, id, { timeoutMs: 30_000 });
            assert.equal(textOf(answer.output), text);
            await assertOneEach(net, [job]);
        } finally {
            await rpc('evm_setIntervalMining', [1]);
        }
    }

    scenario('an answer is included before its job comes again', () =>
        answerBeforeItsJob('before', async (id, create) => {
            await rpc('evm_mine');
            await logged(`event=job_final job=${id} state=dropped`);
            const job = create();
            await sleep(300);
            await rpc('evm_mine');
            return job;
        }));

    scenario('an answer is included before its job in one block', () =>
        answerBeforeItsJob('in one block', async (id, create) => {
            const job = create();
            await sleep(300);
            await rpc('evm_mine');
            return job;
        }));

    scenario('a confirmed answer goes with its job, and is included before it comes again', async () => {
        const codehash = await saveCode(net.contracts, net.author, code('confirmed'));
        const gone = await createJob(net.contracts, { codehash, deadline: 30_000 });
        const { block } = await waitAnswer(net.contracts, gone.id, { timeoutMs: 20_000 });
        await logged(`event=job_final job=${gone.id} state=confirmed`);
        await rpc('evm_setIntervalMining', [0]);
        try {
            const depth = (await net.chain.provider.getBlockNumber()) - gone.receipt.blockNumber + 1;
            assert.ok(block > gone.receipt.blockNumber);
            await rpc('anvil_reorg', [depth, []]);
            net.author.reset();
            const from = node.child.log().length;
            await waitFor('the answer in a block again', async () => {
                await rpc('evm_mine');
                await sleep(300);
                return node.child.log().slice(from).includes('event=tx_included ');
            });
            assert.deepEqual(await answersTo(net.contracts, gone.id), []);
            const created = createJob(net.contracts, { codehash, deadline: 30_000, ...CHEAP });
            await sleep(300);
            await rpc('evm_setIntervalMining', [1]);
            const job = await created;
            assert.equal(job.id, gone.id, 'the same job again');
            const answer = await waitAnswer(net.contracts, job.id, { timeoutMs: 20_000 });
            assert.equal(textOf(answer.output), 'confirmed');
            await assertOneEach(net, [job]);
        } finally {
            await rpc('evm_setIntervalMining', [1]);
        }
    });

    // The job of another code gets the id of one that was reorganised away; it must have its own answer.
    async function idGoesToAnother(text, { confirmed, away, between = async () => {} }) {
        const [first, second] = [await saveCode(net.contracts, net.author, code(`${text}, gone`)), await saveCode(net.contracts, net.author, code(text))];
        await rpc('evm_setIntervalMining', [0]);
        try {
            const gone = createJob(net.contracts, { codehash: first, deadline: 30_000 });
            await sleep(300);
            await rpc('evm_mine');
            const { id, receipt } = await gone;
            await logged(`event=answer_sent job=${id} `);
            if (confirmed) {
                await rpc('evm_mine');
                await logged(`event=job_final job=${id} state=confirmed`);
            }
            const depth = (await net.chain.provider.getBlockNumber()) - receipt.blockNumber + 1;
            if (away) await node.stop('SIGKILL');
            await rpc('anvil_reorg', [depth, []]);
            net.author.reset();
            await between();
            const created = createJob(net.contracts, { codehash: second, deadline: 20_000, ...CHEAP });
            await sleep(300);
            await rpc('evm_setIntervalMining', [1]);
            const job = await created;
            assert.equal(job.id, id, 'the same id');
            if (away) await node.start();
            const answer = await waitAnswer(net.contracts, id, { timeoutMs: 30_000 });
            assert.deepEqual({ errorCode: answer.errorCode, output: textOf(answer.output) }, { errorCode: 0, output: text });
            await assertOneEach(net, [job]);
        } finally {
            await rpc('evm_setIntervalMining', [1]);
        }
    }

    // Blocks without the job, each with what the node sends meanwhile.
    const blocks = (n) => async () => {
        for (let i = 0; i < n; i++) {
            await sleep(300);
            await rpc('evm_mine');
        }
    };

    scenario('an answer waits, and another job gets the id', () => idGoesToAnother('waiting', { confirmed: false, between: () => sleep(1000) }));
    scenario('an answer was included, and another job gets the id', () => idGoesToAnother('included', { confirmed: true, between: () => sleep(1000) }));
    scenario('an answer was included, and another job gets the id long after', () => idGoesToAnother('later', { confirmed: true, between: blocks(12) }));

    scenario('an answer was included, and another job gets the id while the node is away', () =>
        idGoesToAnother('away', { confirmed: true, away: true, between: blocks(3) }));

    scenario('an endpoint that lags says that the node is not registered', async () => {
        await node.stop('SIGKILL');
        rmSync(node.ledgerFile);
        await rpc('anvil_mine', ['0x12c']); // the registration lies behind what is read back
        proxy.fault = {
            http: async (call, forward, reply) => {
                const isView = call.method === 'eth_call' && call.params[0].data.startsWith(EXECUTORS_VIEW);
                return reply(isView ? result(call, `0x${'0'.repeat(64 * 6)}`) : (await forward()).text);
            },
        };
        await node.start();
        const from = node.child.log().lastIndexOf('event=started');
        await net.configure(node);
        await logged('event=registration from=unknown to=absent', from);
        await logged('event=chain_live', from);
        proxy.fault = {};
        const job = await answeredOnce(net, 'registered after all', { deadline: 10_000 });
        await assertOneEach(net, [job]);
        await logged('event=registration from=absent to=active', from);
    });
});
