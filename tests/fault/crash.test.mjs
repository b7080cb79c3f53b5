// kill -9 at random instants of a run of jobs, each time followed by a start with the same files and by nothing else.
// Every job that a life of the node was long enough for is answered, once. CRASH_JOBS, CRASH_KILLS and CRASH_SEED
// change the runs (`make soak`).
import { dirname, join } from 'node:path';
import { describe } from 'node:test';
import { answersTo } from '../../devnet/lib/jobs.mjs';
import { assert, scenario, textOf, useDevnet, waitFor } from '../e2e/harness.mjs';
import { couldBeAnswered, createJobs, killAgainAndAgain, randomFrom, transactionsOf } from './crash.mjs';

const JOBS = Number(process.env.CRASH_JOBS ?? 40);
const KILLS = Number(process.env.CRASH_KILLS ?? 12);
const SEED = Number(process.env.CRASH_SEED ?? Math.floor(Math.random() * 2 ** 32));
const KILL_EVERY_MS = 2500;
const BUFFER_S = 10;
const SETTLE_MS = 3500; // a start, a worker's boot and blocks on a busy machine

const count = (list, which) => list.filter(which).length;

// What is wrong with what the chain says about these jobs: lines.
async function judge(net, jobs, due, submits) {
    const wrong = [];
    for (const job of jobs) {
        const answers = await answersTo(net.contracts, job.id);
        const included = submits.filter((tx) => tx.jobId === job.id && tx.ok).length;
        const [errorCode, text] = job.expect;
        const what = `job ${job.id} (${job.name})`;
        job.answers = answers.length;
        if (answers.length > 1 || included > 1) wrong.push(`${what}: ${answers.length} answers`);
        if (answers.length === 0 && due.includes(job)) wrong.push(`${what}: no answer`);
        for (const a of answers)
            if (a.errorCode !== errorCode || textOf(a.output) !== text)
                wrong.push(`${what}: ${a.errorCode} ${textOf(a.output)}`);
    }
    const reverted = submits.filter((tx) => !tx.ok);
    return [...wrong, ...reverted.map((tx) => `job ${tx.jobId}: submitOutput reverted, nonce ${tx.nonce}`)];
}

async function crashRun(net, t) {
    const [node] = net.nodes;
    const spanMs = KILLS * KILL_EVERY_MS;
    const killing = killAgainAndAgain(node, randomFrom(SEED + 1), KILLS, KILL_EVERY_MS);
    const jobs = await createJobs(net, randomFrom(SEED), JOBS, spanMs / JOBS);
    const lives = await killing;
    const due = jobs.filter((job) => couldBeAnswered(job, lives, BUFFER_S * 1000, SETTLE_MS));

    const responded = net.contracts.jobs.filters.JobResponded();
    const allAnswered = async () => {
        const ids = new Set((await net.contracts.jobs.queryFilter(responded, 0)).map((log) => log.args.jobId));
        return due.every((job) => ids.has(job.id));
    };
    await waitFor('the last answers', allAnswered, { timeoutMs: 30_000, everyMs: 200 }).catch(() => {});

    const transactions = await transactionsOf(net, node.gas.address);
    const submits = transactions.filter((tx) => tx.jobId !== null);
    const wrong = await judge(net, jobs, due, submits);
    const log = node.child.log();
    const logged = (event) => log.split(`event=${event} `).length - 1;
    t.diagnostic(
        `seed ${SEED}: ${KILLS} kills, ${jobs.length} jobs, ${due.length} could be answered; answered once ` +
            `${count(jobs, (job) => job.answers === 1)}, twice ${count(jobs, (job) => job.answers > 1)}; ` +
            `transactions: ${submits.length} submits (${count(submits, (tx) => !tx.ok)} reverted), ` +
            `${count(transactions, (tx) => tx.fill)} fills; taken up after a kill: ` +
            `${logged('job_resumed')} jobs, ${logged('tx_adopted')} transactions`,
    );
    const open = jobs.filter((job) => job.answers === 0);
    for (const job of open) t.diagnostic(`not answered, as no life was long enough: job ${job.id} (${job.name})`);
    assert.deepEqual(wrong, []);
    const again = await node.post('/immutable-config', { owner_address_hex: net.owner.address });
    assert.equal(again.status, 400, 'the owner is known');
}

// Blocks with each transaction (answers are included at once), and blocks by the second (they wait in the pool).
for (const mining of ['at once', 'each second']) {
    describe(`${KILLS} times kill -9 over ${JOBS} jobs, blocks ${mining}`, () => {
        const contracts = { executionBufferTime: BUFFER_S };
        const holder = useDevnet({ generation: 2, contracts }, async (net) => {
            const node = net.newNode();
            node.config.ledger_file = join(dirname(node.configFile), 'ledger.db');
            node.writeConfig();
            await node.start();
            await net.configure(node);
            await net.register(node);
            if (mining === 'at once') return;
            await net.chain.provider.send('evm_setAutomine', [false]);
            await net.chain.provider.send('evm_setIntervalMining', [1]);
        });
        const timeout = 60_000 + 4 * KILLS * KILL_EVERY_MS;
        scenario(`every job is answered once, seed ${SEED}`, holder, crashRun, { timeout });
    });
}
