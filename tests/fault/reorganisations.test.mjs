// Blocks that go: what was in them is taken back, and answered anew where it comes again.
import { describe, after, before, test } from 'node:test';
import { answersTo } from '../../devnet/lib/jobs.mjs';
import { Devnet, assert, createJob, runJob, saveCode, showLogs, sleep, stopCleanly, textOf, waitAnswer } from '../e2e/harness.mjs';
import { assertOneEach, code } from './harness.mjs';

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
