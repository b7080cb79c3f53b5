// The wall clock of the node's machine is set an hour forward and back while it works: jobs, signatures, slashes and
// restarts keep the chain's time.
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe } from 'node:test';
import { ROOT } from '../../devnet/lib/paths.mjs';
import {
    assert,
    createJob,
    runJob,
    saveCode,
    scenario,
    textOf,
    useDevnet,
    waitAnswer,
    waitFor,
} from '../e2e/harness.mjs';

const HOUR_S = 3600;
const HEAVY = 10n ** 9n;
const HELLO = 'export default { async fetch() { return new Response("hello"); } };';
const sleeps = (ms) => `export default {
    async fetch() { await new Promise((r) => setTimeout(r, ${ms})); return new Response("slow"); },
};`;

// The clock of one node, as a file that the preloaded library maps.
class WallClock {
    constructor(dir) {
        this.file = join(dir, 'clock-shift');
        this.library = join(dir, 'clock_shift.so');
        this.set(0);
        const source = join(ROOT, 'tests', 'fault', 'clock_shift.c');
        const flags = ['-shared', '-fPIC', '-O1', '-D_GNU_SOURCE', '-o', this.library, source, '-ldl'];
        const { status, stderr } = spawnSync(process.env.CC ?? 'cc', flags, { encoding: 'utf8' });
        assert.equal(status, 0, stderr);
    }

    set(seconds) {
        const bytes = Buffer.alloc(8);
        bytes.writeBigInt64LE(BigInt(seconds));
        const fd = openSync(this.file, this.fileMade ? 'r+' : 'w');
        this.fileMade = true;
        writeSync(fd, bytes);
        closeSync(fd);
    }

    // What is started inside sees this clock.
    async over(start) {
        const given = { LD_PRELOAD: this.library, CLOCK_SHIFT_FILE: this.file };
        Object.assign(process.env, given);
        try {
            return await start();
        } finally {
            for (const name of Object.keys(given)) delete process.env[name];
        }
    }
}

const count = (node, event) => node.child.log().split(`event=${event} `).length - 1;

describe('a wall clock that is set while the node works', () => {
    const contracts = { executionBufferTime: 6, signMaxAge: 600 };
    const holder = useDevnet({ generation: 2, contracts }, async (net, all) => {
        const node = net.newNode();
        node.config.ledger_file = join(dirname(node.configFile), 'ledger.db');
        node.writeConfig();
        all.clock = new WallClock(dirname(node.configFile));
        await all.clock.over(() => node.start());
        await net.configure(node);
        await net.register(node);
    });

    for (const [name, shift] of [['forward', HOUR_S], ['back', -HOUR_S]]) {
        scenario(`by an hour ${name}, in the middle of a job`, holder, async (net) => {
            const [node] = net.nodes;
            const codehash = await saveCode(net.contracts, net.author, sleeps(1500));
            const job = await createJob(net.contracts, { codehash, deadline: 4000 });
            const warned = count(node, 'clock_skew');
            await waitFor('the job to begin', () => node.child.log().includes(`event=job_received job=${job.id} `));
            holder.clock.set(shift);
            const answer = await waitAnswer(net.contracts, job.id);
            assert.deepEqual([answer.errorCode, textOf(answer.output)], [0, 'slow']);
            assert.ok(answer.totalTime >= 1400 && answer.totalTime <= 4000, `${answer.totalTime} ms`);
            await waitFor('the warning', () => count(node, 'clock_skew') === warned + 1, { timeoutMs: 10_000 });
        });

        scenario(`an hour ${name}: jobs and their deadlines`, holder, async (net) => {
            assert.equal((await runJob(net, HELLO)).text, 'hello');
            const late = await runJob(net, sleeps(60_000), { deadline: 1500 });
            assert.deepEqual([late.errorCode, late.totalTime], [4, 1500]);
        });

        scenario(`an hour ${name}: a kill in the middle of a job`, holder, async (net) => {
            const [node] = net.nodes;
            const codehash = await saveCode(net.contracts, net.author, sleeps(1500));
            const job = await createJob(net.contracts, { codehash, deadline: 5000 });
            await waitFor('the job to begin', () => node.child.log().includes(`event=job_received job=${job.id} `));
            await node.stop('SIGKILL');
            await holder.clock.over(() => node.start());
            const answer = await waitAnswer(net.contracts, job.id);
            assert.deepEqual([answer.errorCode, textOf(answer.output)], [0, 'slow']);
        });
    }

    scenario('from an hour back to an hour forward: a slash when the chain allows it', holder, async (net) => {
        const silent = await net.addSilentExecutor({ stake: net.contracts.options.minStake * HEAVY });
        const codehash = await saveCode(net.contracts, net.author, HELLO);
        const job = await createJob(net.contracts, { codehash, deadline: 1000 });
        assert.deepEqual(job.selected, [silent.address]);
        holder.clock.set(HOUR_S);
        const { jobs } = net.contracts;
        const slashed = async () => (await jobs.queryFilter(jobs.filters.SlashedOnExecutionTimeout(job.id), 0)).length;
        await waitFor('the slash', slashed, { timeoutMs: 20_000 });
        const sent = await net.chain.provider.getTransactionCount(net.nodes[0].gas.address);
        const answers = (await jobs.queryFilter(jobs.filters.JobResponded(), 0)).length;
        assert.equal(sent, answers + 1, 'answers, one slash, and nothing that reverted');
    });
});
