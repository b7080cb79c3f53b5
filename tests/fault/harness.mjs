// What the tests of a misbehaving chain side share: a node behind proxies, jobs that must have one answer each.
import { answersTo } from '../../devnet/lib/jobs.mjs';
import { assert, createJob, saveCode, sleep, textOf, waitAnswer } from '../e2e/harness.mjs';

export const code = (text) => `export default { async fetch() { return new Response(${JSON.stringify(text)}); } }`;
const SILENCE_S = 4;

export async function startNode(net, proxies, options = {}) {
    const chain = { chainId: net.chain.chainId, httpUrl: proxies.map((p) => p.httpUrl), wsUrl: proxies.map((p) => p.wsUrl) };
    return net.addNode({ chain, config: { head_silence_seconds: SILENCE_S }, ...options });
}

// One job of new code; it must have exactly one answer, the right one, also a moment later.
export async function answeredOnce(net, text, { deadline, whileWaiting = async () => {} }) {
    const codehash = await saveCode(net.contracts, net.author, code(text));
    const job = await createJob(net.contracts, { codehash, inputs: '', deadline });
    await whileWaiting();
    const answer = await waitAnswer(net.contracts, job.id, { timeoutMs: deadline + 12_000 });
    assert.equal(answer.errorCode, 0);
    assert.equal(textOf(answer.output), text);
    return job;
}

export async function assertOneEach(net, jobs) {
    await sleep(500);
    for (const job of jobs) assert.equal((await answersTo(net.contracts, job.id)).length, 1, `answers to job ${job.id}`);
}
