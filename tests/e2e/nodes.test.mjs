// Nodes among others: jobs of several and of nobody, slashing, draining, deregistration, restarts, other gas keys.
import { rmSync } from 'node:fs';
import { describe } from 'node:test';
import { hexlify, toUtf8Bytes } from 'ethers';
import { addStake, deregister, drain, revive } from '../../devnet/lib/executor.mjs';
import { answersTo, waitAnswers } from '../../devnet/lib/jobs.mjs';
import {
    GENERATIONS,
    assert,
    createJob,
    runJob,
    saveCode,
    scenario,
    sleep,
    stopCleanly,
    useDevnet,
    waitAnswer,
    waitFor,
} from './harness.mjs';

const HELLO = 'export default { async fetch() { return new Response("hello"); } };';
const SLOW_MS = 1500;
const SLOW = `export default {
    async fetch() { await new Promise((r) => setTimeout(r, ${SLOW_MS})); return new Response("slow"); },
};`;
const HEAVY = 10n ** 9n; // so much more stake than the others that it is drawn practically always

// The slashes of a job so far: [{executor, from}], one a transaction and slashed executor.
async function slashes(net, jobId) {
    const { jobs } = net.contracts;
    const logs = await jobs.queryFilter(jobs.filters.SlashedOnExecutionTimeout(jobId), 0, 'latest');
    return Promise.all(
        logs.map(async (log) => ({
            executor: log.args.enclaveAddress,
            from: (await net.chain.provider.getTransaction(log.transactionHash)).from,
        })),
    );
}

const sentBy = (net, account) => net.chain.provider.getTransactionCount(account.address);
const executorsOf = async (net, jobId) => {
    const answers = await answersTo(net.contracts, jobId);
    const senders = answers.map(async (a) => (await net.chain.provider.getTransaction(a.txHash)).from);
    return Promise.all(senders);
};

for (const generation of GENERATIONS) {
    describe(`three nodes and one job on generation ${generation}`, () => {
        const contracts = { nodesToSelect: 3, executionBufferTime: 3 };
        const holder = useDevnet({ generation, contracts }, async (net) => {
            for (let i = 0; i < 3; i++) await net.addNode();
        });

        scenario('each answers once, with the same output', holder, async (net) => {
            const codehash = await saveCode(net.contracts, net.author, HELLO);
            for (let round = 0; round < 3; round++) {
                const job = await createJob(net.contracts, { codehash });
                const answers = await waitAnswers(net.contracts, job.id, { n: 3 });
                const outcomes = answers.map((a) => [a.errorCode, a.output]);
                assert.deepEqual(outcomes, Array(3).fill([0, hexlify(toUtf8Bytes('hello'))]));
                const payers = await executorsOf(net, job.id);
                assert.deepEqual([...payers].sort(), net.nodes.map((n) => n.gas.address).sort());
            }
        });

        scenario('one that is silent is slashed, by one of the others alone', holder, async (net) => {
            const silent = await net.addSilentExecutor({ stake: net.contracts.options.minStake * HEAVY });
            const codehash = await saveCode(net.contracts, net.author, HELLO);
            const job = await createJob(net.contracts, { codehash, deadline: 1000 });
            assert.ok(job.selected.includes(silent.address));
            await waitAnswers(net.contracts, job.id, { n: 2 });
            const before = await Promise.all(net.nodes.map((n) => sentBy(net, n.gas)));
            const found = await waitFor('the slash', async () => {
                const list = await slashes(net, job.id);
                return list.length > 0 && list;
            });
            assert.deepEqual(found.map((s) => s.executor), [silent.address]);
            assert.ok(net.nodes.some((n) => n.gas.address === found[0].from), 'by one of the nodes');
            await sleep(6000); // the others' turns would come
            const sent = await Promise.all(net.nodes.map(async (n, i) => (await sentBy(net, n.gas)) - before[i]));
            assert.equal(sent.reduce((a, b) => a + b), 1, `transactions sent by each node: ${sent}`);
            assert.equal((await net.contracts.jobs.jobs(job.id)).execStartTime, 0n);
        });
    });

    describe(`a node's life on generation ${generation}`, () => {
        const holder = useDevnet({ generation, contracts: { executionBufferTime: 3 } }, async (net, holder) => {
            holder.node = await net.addNode();
        });

        scenario('a job for another is not run, and is slashed when nobody answers it', holder, async (net) => {
            const silent = await net.addSilentExecutor({ stake: net.contracts.options.minStake * HEAVY });
            const codehash = await saveCode(net.contracts, net.author, HELLO);
            const before = await sentBy(net, holder.node.gas);
            const job = await createJob(net.contracts, { codehash, deadline: 1000 });
            assert.deepEqual(job.selected, [silent.address]);
            const found = await waitFor('the slash', async () => {
                const list = await slashes(net, job.id);
                return list.length > 0 && list;
            });
            assert.deepEqual(found, [{ executor: silent.address, from: holder.node.gas.address }]);
            assert.equal(await sentBy(net, holder.node.gas), before + 1, 'the slash and nothing else');
            assert.deepEqual(await answersTo(net.contracts, job.id), []);
            assert.equal(await net.contracts.jobOwner.failed(job.id), true);
            await drain(net.contracts, net.owner, silent.address);
        });

        scenario('a job that another answers is not slashed', holder, async (net) => {
            const other = await net.addSilentExecutor({ stake: net.contracts.options.minStake * HEAVY });
            const codehash = await saveCode(net.contracts, net.author, HELLO);
            const before = await sentBy(net, holder.node.gas);
            const job = await createJob(net.contracts, { codehash, deadline: 1000 });
            await other.submit(net.bystander, job.id, { output: '0x01' });
            await sleep(8000);
            assert.equal(await sentBy(net, holder.node.gas), before);
            await drain(net.contracts, net.owner, other.address);
        });

        scenario('drained it finishes what it holds; revived it works again', holder, async (net) => {
            const codehash = await saveCode(net.contracts, net.author, SLOW);
            const job = await createJob(net.contracts, { codehash });
            await drain(net.contracts, net.owner, holder.node.address);
            const answer = await waitAnswer(net.contracts, job.id);
            assert.equal(answer.errorCode, 0);
            await revive(net.contracts, net.owner, holder.node.address);
            assert.equal((await runJob(net, HELLO)).text, 'hello');
        });

        scenario('more stake changes nothing for it', holder, async (net) => {
            await addStake(net.contracts, net.owner, holder.node.address, 5n);
            assert.equal((await runJob(net, HELLO)).text, 'hello');
        });

        scenario('a new gas key in mid-flight pays for the answer', holder, async (net) => {
            const codehash = await saveCode(net.contracts, net.author, SLOW);
            const jobs = [];
            for (let i = 0; i < 5; i++) jobs.push(await createJob(net.contracts, { codehash }));
            const old = holder.node.gas;
            holder.node.gas = net.newGasAccount();
            await holder.node.setGasKey(holder.node.gas);
            for (const job of jobs) {
                assert.equal((await waitAnswer(net.contracts, job.id)).errorCode, 0);
                assert.deepEqual(await executorsOf(net, job.id), [holder.node.gas.address]);
            }
            assert.notEqual(old.address, holder.node.gas.address);
            assert.equal((await holder.node.details()).gas_address, holder.node.gas.address.toLowerCase());
        });

        scenario('a gas key replaced again and again under load', holder, async (net) => {
            const codehash = await saveCode(net.contracts, net.author, HELLO);
            const jobs = [];
            for (let i = 0; i < 12; i++) {
                jobs.push(await createJob(net.contracts, { codehash }));
                if (i % 4 === 3) {
                    holder.node.gas = net.newGasAccount();
                    await holder.node.setGasKey(holder.node.gas);
                }
            }
            for (const job of jobs) {
                assert.equal((await waitAnswer(net.contracts, job.id)).errorCode, 0);
                assert.equal((await answersTo(net.contracts, job.id)).length, 1);
            }
        });

        scenario('known to the chain, a restarted node goes to work at once', holder, async (net) => {
            await stopCleanly(holder.node);
            await holder.node.start(); // and nothing else: owner and gas key are in its ledger
            assert.equal((await runJob(net, HELLO)).text, 'hello');
        });

        scenario('its ledger lost, it needs the owner\'s two calls and no registration', holder, async (net) => {
            await stopCleanly(holder.node);
            rmSync(holder.node.ledgerFile);
            await holder.node.start();
            await net.configure(holder.node);
            assert.equal((await runJob(net, HELLO)).text, 'hello');
        });

        scenario('deregistered it stops; registered anew it works', holder, async (net) => {
            await drain(net.contracts, net.owner, holder.node.address);
            await deregister(net.contracts, net.owner, holder.node.address);
            await assert.rejects(runJob(net, HELLO), 'nobody is left to be drawn');
            assert.equal((await holder.node.get('/')).status, 200);
            await sleep(1500);
            await net.register(holder.node);
            assert.equal((await runJob(net, HELLO)).text, 'hello');
        });
    });
}
