// Many jobs, and what they leave: nothing. Memory, descriptors, processes, cgroups, files; SIGTERM and SIGKILL.
import { basename } from 'node:path';
import { describe } from 'node:test';
import { registerExecutor, KeyExecutor } from '../../devnet/lib/executor.mjs';
import { answersTo } from '../../devnet/lib/jobs.mjs';
import { descendants, openFiles } from '../../devnet/lib/system.mjs';
import {
    assert,
    assertGone,
    createJob,
    filesOf,
    runJob,
    saveCode,
    scenario,
    sleep,
    stopCleanly,
    useDevnet,
    waitAnswer,
    waitFor,
    watchCgroups,
    zombiesBelow,
} from './harness.mjs';

const MIB = 1 << 20;
const SLOTS = 20;
const sanitized = basename(process.env.OYSTER_BUILD ?? '').includes('asan'); // its memory is not the program's own
const HELLO = 'export default { async fetch() { return new Response("hello"); } };';
const lasting = (ms) => `export default {
    async fetch() { await new Promise((r) => setTimeout(r, ${ms})); return new Response("done"); },
};`;
const ONE_SECOND = lasting(1000);
const TWO_SECONDS = lasting(2000);
const FIVE_SECONDS = lasting(5000);
const LONG = lasting(20_000);

// Registers the node's enclave for more jobs than it has slots; the contract would not draw it beyond that number.
async function registerFor(net, node, jobCapacity) {
    await node.registrationMessage(); // it listens from here on
    const key = new KeyExecutor(net.contracts, node.key);
    const registration = key.registration(net.owner.address, { jobCapacity });
    const { enclave_public_key: enclavePubKey } = await node.details();
    await registerExecutor(net.contracts, { owner: net.owner, enclavePubKey, registration });
}

// Creates n jobs as fast as the chain takes them.
function createJobs(net, codehash, n, deadline) {
    return Promise.all(Array.from({ length: n }, () => createJob(net.contracts, { codehash, deadline })));
}

// The same, and waits for all answers.
async function burst(net, codehash, n, deadline) {
    const jobs = await createJobs(net, codehash, n, deadline);
    return Promise.all(jobs.map((job) => waitAnswer(net.contracts, job.id, { timeoutMs: deadline + 30_000 })));
}

describe('many jobs', () => {
    let cgroupsAsBefore;
    const holder = useDevnet({ generation: 2 }, async (net, holder) => {
        cgroupsAsBefore = watchCgroups();
        holder.node = net.newNode();
        await holder.node.start();
        await net.configure(holder.node);
        await registerFor(net, holder.node, 40);
    });

    scenario('30 at once on 20 slots are all answered before their deadlines', holder, async (net) => {
        const codehash = await saveCode(net.contracts, net.author, TWO_SECONDS);
        const deadline = 12_000;
        const answers = await burst(net, codehash, 30, deadline);
        assert.deepEqual(answers.map((a) => a.errorCode), Array(30).fill(0));
        assert.ok(answers.every((a) => a.totalTime < deadline), `${answers.map((a) => a.totalTime)}`);
        const slow = answers.filter((a) => a.totalTime >= 2300).length;
        assert.ok(slow >= 10, `${slow} waited for a slot`);
    });

    scenario('a job that gets no slot in time is answered with 4', holder, async (net) => {
        const codehash = await saveCode(net.contracts, net.author, LONG);
        const blockers = await createJobs(net, codehash, SLOTS, 8000);
        await sleep(500);
        const answer = await runJob(net, HELLO, { deadline: 1000 });
        assert.equal(answer.errorCode, 4);
        assert.equal(answer.totalTime, 1000);
        for (const { id } of blockers) assert.equal((await waitAnswer(net.contracts, id)).errorCode, 4);
    }, { timeout: 60_000 });

    scenario('after 200 jobs it is no bigger than after 100', holder, async (net, t) => {
        const { node } = holder;
        const codehash = await saveCode(net.contracts, net.author, HELLO);
        const hundred = async () => {
            for (let i = 0; i < 10; i++) {
                const answers = await burst(net, codehash, 10, 20_000);
                assert.deepEqual(answers.map((a) => a.errorCode), Array(10).fill(0));
            }
            await sleep(2000); // workers held ahead are made again
            assert.deepEqual(zombiesBelow(node.child.pid), []);
            const { pid } = node.child;
            return { resident: node.residentBytes(), files: openFiles(pid), below: descendants(pid).length };
        };
        const first = await hundred();
        const then = await hundred();
        t.diagnostic(`after 100: ${JSON.stringify(first)}, after 200: ${JSON.stringify(then)}`);
        assert.ok(then.files <= first.files + 3, `open files: ${first.files}, ${then.files}`);
        assert.ok(then.below <= first.below + 2, `processes: ${first.below}, ${then.below}`);
        if (!sanitized) assert.ok(then.resident <= first.resident + MIB, `memory: ${first.resident}, ${then.resident}`);
    }, { timeout: 240_000 });

    scenario('SIGTERM: what runs is answered first, and then all of it ends', holder, async (net) => {
        const { node } = holder;
        const codehash = await saveCode(net.contracts, net.author, ONE_SECOND);
        const jobs = await Promise.all([1, 2, 3].map(() => createJob(net.contracts, { codehash, deadline: 20_000 })));
        await waitFor('the workers', () => descendants(node.child.pid).length >= 3);
        await stopCleanly(node);
        for (const job of jobs) assert.deepEqual((await answersTo(net.contracts, job.id)).map((a) => a.errorCode), [0]);
        cgroupsAsBefore();
    });

    scenario('SIGTERM: a new job that ends before those is answered, and a longer one left to the next life', holder, async (net) => {
        const { node } = holder;
        await node.start();
        const codehash = await saveCode(net.contracts, net.author, FIVE_SECONDS);
        const old = await createJob(net.contracts, { codehash, deadline: 10_000 });
        await waitFor('its run', () => node.child.log().includes(`event=job_received job=${old.id} `));
        const stopped = stopCleanly(node);
        await waitFor('it to drain', () => node.child.log().includes('event=draining jobs=1\n'));
        const quick = await runJob(net, HELLO, { deadline: 2000 });
        assert.equal(quick.errorCode, 0);
        const long = await createJob(net.contracts, { codehash, deadline: 60_000 });
        await stopped;
        assert.deepEqual((await answersTo(net.contracts, old.id)).map((a) => a.errorCode), [0]);
        assert.deepEqual(await answersTo(net.contracts, long.id), []);
        await node.start();
        assert.equal((await waitAnswer(net.contracts, long.id)).errorCode, 0);
        await stopCleanly(node);
    });

    scenario('a second SIGTERM ends it at once', holder, async (net) => {
        const { node } = holder;
        await node.start();
        const codehash = await saveCode(net.contracts, net.author, LONG);
        for (let i = 0; i < 3; i++) await createJob(net.contracts, { codehash, deadline: 30_000 });
        await sleep(1000);
        const start = Date.now();
        node.child.process.kill('SIGTERM');
        await sleep(500);
        assert.ok(node.child.running, 'it waits for its jobs');
        await stopCleanly(node);
        assert.ok(Date.now() - start < 10_000);
        cgroupsAsBefore();
    });
});

describe('a node that is killed', () => {
    let cgroupsAsBefore;
    const holder = useDevnet({ generation: 1 }, async (net, holder) => {
        cgroupsAsBefore = watchCgroups();
        holder.node = await net.addNode();
    });

    scenario('idle, it is small', holder, async (net, t) => {
        await sleep(2000);
        const resident = holder.node.residentBytes();
        t.diagnostic(`${(resident / MIB).toFixed(1)} MiB resident with ${SLOTS} idle slots`);
        if (!sanitized) assert.ok(resident < 20 * 1000 * 1000, `${resident} bytes`);
    });

    scenario('SIGKILL takes its workers along, and the next start tidies up', holder, async (net) => {
        const { node } = holder;
        const codehash = await saveCode(net.contracts, net.author, LONG);
        const job = await createJob(net.contracts, { codehash, deadline: 60_000 });
        await waitFor('the worker', () => descendants(node.child.pid).length > 0);
        await sleep(500);
        const workers = descendants(node.child.pid);
        await node.stop('SIGKILL');
        await assertGone(workers);

        await node.start();
        const answer = await runJob(net, HELLO);
        assert.deepEqual([answer.errorCode, answer.text], [0, 'hello']);
        assert.ok((await answersTo(net.contracts, job.id)).length <= 1);
        await node.stop('SIGKILL'); // it has LONG again
        await node.start();
        await node.stop('SIGINT', 45_000);
        assert.deepEqual(filesOf(node), []);
        cgroupsAsBefore();
    });

    scenario('ten times in a row, at any moment of its start', holder, async (net) => {
        const { node } = holder;
        await node.stop('SIGKILL');
        for (let i = 0; i < 10; i++) {
            await node.spawn();
            await sleep(i * 20);
            const workers = descendants(node.child.pid);
            await node.stop('SIGKILL');
            await assertGone(workers);
        }
        await node.start();
        assert.equal((await runJob(net, HELLO)).text, 'hello');
        await stopCleanly(node);
        cgroupsAsBefore();
    });
});
