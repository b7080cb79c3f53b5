// One job from end to end on a chain of its own (`make demo`): chain, contracts, node, owner, job, answer; then
// everything is taken down again, also when a step fails or is interrupted.
//   node devnet/demo.mjs [--generation 1|2]
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { keccak256, toUtf8String } from 'ethers';
import { readArgs, wholeNumber } from './lib/cli.mjs';
import { Devnet } from './lib/devnet.mjs';
import { createJob, saveCode, waitAnswer } from './lib/jobs.mjs';
import { ROOT } from './lib/paths.mjs';

const USAGE = 'Usage: node devnet/demo.mjs [--generation 1|2]\n\nOne job from end to end on a chain of its own.';
const { values } = readArgs('demo', USAGE, { generation: { type: 'string', default: '2' } });
const generation = wholeNumber('demo', values, 'generation', 1, 2);
const INPUT = { num: 600 };
const EXPECTED = '2,2,2,3,5,5';

const step = (what, text) => console.log(`${what.padEnd(10)} ${text}`);

async function run(net) {
    step('chain', `anvil at ${net.chain.httpUrl}, chain id ${net.chain.chainId}`);
    step('contracts', `generation ${generation}`);
    for (const [name, address] of Object.entries(net.addresses())) step('', `${name.padEnd(20)} ${address}`);

    const node = await net.addNode();
    step('node', `enclave ${node.address}, API at ${node.url}`);
    step('attested', `by ${node.attestation.document.length} bytes under the devnet's Nitro root, verified and signed for`);
    step('', `by verifier ${net.attestor.address}; image ${node.attestation.imageId}`);
    step('owner', `${net.owner.address} configured and registered it`);

    const code = readFileSync(join(ROOT, 'devnet', 'code', 'factorise.js'), 'utf8');
    const codehash = await saveCode(net.contracts, net.author, code);
    step('code', `saved by transaction ${codehash}`);
    const job = await createJob(net.contracts, { codehash, inputs: INPUT });
    step('job', `${job.id}: ${JSON.stringify(INPUT)}, for ${job.selected.join(', ')}`);

    const answer = await waitAnswer(net.contracts, job.id);
    const output = toUtf8String(answer.output);
    step('answer', `${output}   (error code ${answer.errorCode})`);
    step('', `transaction ${answer.txHash}`);
    const [, micros] = node.child.log().match(/event=answer_sent .*event_to_tx_us=(\d+)/);
    step('latency', `${(micros / 1000).toFixed(1)} ms from the event to the answer's transaction, as the node's log has it`);
    const told = await net.contracts.jobOwner.results(job.id);
    const callback = told.told && told.outputHash === keccak256(answer.output);
    step('callback', callback ? "the job owner's contract was told the output" : 'FAILED');
    if (output !== EXPECTED || answer.errorCode !== 0) throw new Error(`the answer is not ${EXPECTED}`);
}

let net;
let interrupted = false;

async function tearDown() {
    await net?.stop();
    net = undefined;
}

for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, async () => {
        if (interrupted) process.exit(130);
        interrupted = true;
        await tearDown();
        process.exit(130);
    });
}

try {
    net = await Devnet.start({ generation });
    await run(net);
} catch (e) {
    if (!interrupted) {
        process.exitCode = 1;
        for (const node of net?.nodes ?? []) console.error(`--- log of ${node.name}\n${node.child?.log()}---`);
        console.error(`demo: ${e.message}`);
    }
}
if (!interrupted) await tearDown();
