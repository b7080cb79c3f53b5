// Every ending of a job, by its error code (docs/job-authors.md), and what the job owner's contract is told.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'node:test';
import { AbiCoder, concat, hexlify, keccak256, randomBytes } from 'ethers';
import { ROOT } from '../../devnet/lib/paths.mjs';
import { eventIn } from '../../devnet/lib/jobs.mjs';
import { GENERATIONS, assert, createJob, handler, runJob, saveCode, scenario, send, useDevnet, waitAnswer } from './harness.mjs';

const FACTORISE = readFileSync(join(ROOT, 'devnet', 'code', 'factorise.js'), 'utf8');
const MAX_OUTPUT_BYTES = 90_000;
const ECHO = handler('return new Response(await request.arrayBuffer());');
const DEADLINE_MS = 3000;

const LENGTH = handler('return new Response((await request.text()).length);');
const BOMB = handler('const a = []; for (;;) a.push(new Uint8Array(1 << 20).fill(1));');
const HEAP_BOMB = handler('const a = []; for (;;) a.push({ s: String(Math.random()) });');
const lasts = (ms) => `await new Promise((r) => setTimeout(r, ${ms}));`;
const repeats = (n) => handler(`return new Response("y".repeat(${n}));`);
const DRIP = handler(`
    const { readable, writable } = new TransformStream();
    const w = writable.getWriter();
    (async () => { for (;;) { await w.write(new Uint8Array(1)); ${lasts(100)} } })();
    return new Response(readable);`);
const FLOOD = handler(`
    const chunk = new Uint8Array(65536);
    return new Response(new ReadableStream({ pull(c) { c.enqueue(chunk); } }));`);

// By error code: [what, code, expected output, options of runJob]
const CASES = {
    0: [
        ['factorises', FACTORISE, '2,2,2,3,5,5', { inputs: { num: 600 } }],
        ['an empty output is an output', handler('return new Response(null, { status: 204 });'), ''],
        ['the body counts, whatever the status', handler('return new Response("gone", { status: 410 });'), 'gone'],
        ['no redirect is followed', handler('return Response.redirect("http://example.com/", 302);'), ''],
        ['thrown in the handler: what workerd says', handler('throw new Error("no");'), 'Internal Server Error'],
        ['code that is not ASCII', handler('return new Response("žluť ✓ 日本");'), 'žluť ✓ 日本'],
        ['console output is no output', handler('console.log("x".repeat(300000)); return new Response("ok");'), 'ok'],
        ['inputs of 50 kB', LENGTH, '50000', { inputs: 'x'.repeat(50_000) }],
        ['output at the limit', repeats(MAX_OUTPUT_BYTES), 'y'.repeat(MAX_OUTPUT_BYTES)],
    ],
    3: [
        ['a syntax error', 'export default { async fetch( ', ''],
        ['thrown at load', `throw new Error('boom'); ${ECHO}`, ''],
        ['no default export', 'export const a = () => 1;', ''],
        ['no code at all', '', ''],
        ['an import of what is not there', `import x from './nope.js'; ${ECHO}`, ''],
    ],
    4: [
        ['an endless loop in the handler', handler('for (;;) {}'), '', { deadline: 1500 }],
        ['an endless loop at load', `for (;;) {} ${ECHO}`, '', { deadline: 1500 }],
        ['a timer past the deadline', handler(`${lasts(60_000)} return new Response("late");`), '', { deadline: 1500 }],
        ['an answer that never ends, slowly', DRIP, '', { deadline: 1500 }],
    ],
    5: [
        ['output one byte over the limit', repeats(MAX_OUTPUT_BYTES + 1), ''],
        ['endless output', FLOOD, ''],
    ],
    6: [
        ['a memory bomb', BOMB, '', { deadline: 10_000 }],
        ['a memory bomb on the heap', HEAP_BOMB, '', { deadline: 20_000 }],
    ],
};

for (const generation of GENERATIONS) {
    describe(`endings of jobs on generation ${generation}`, () => {
        const holder = useDevnet({ generation }, async (net) => {
            await net.addNode();
        });

        const cases = Object.entries(CASES).flatMap(([n, list]) => list.map((one) => [Number(n), ...one]));
        for (const [errorCode, what, code, text, options] of cases) {
            scenario(`${errorCode}: ${what}`, holder, async (net) => {
                const answer = await runJob(net, code, { deadline: DEADLINE_MS, ...options });
                assert.equal(answer.errorCode, errorCode, `output ${answer.text.slice(0, 100)}`);
                assert.equal(answer.text, text);
                const deadline = options?.deadline ?? DEADLINE_MS;
                if (errorCode === 4) assert.equal(answer.totalTime, deadline);
                else assert.ok(answer.totalTime <= deadline, `${answer.totalTime} ms`);
                const told = await net.contracts.jobOwner.results(answer.job.id);
                assert.deepEqual([told.told, told.outputHash], [true, keccak256(answer.output)]);
                assert.equal(Number(told.errorCode), errorCode);
            });
        }

        scenario('0: bytes go in and out as they are', holder, async (net) => {
            const inputs = randomBytes(5000);
            const answer = await runJob(net, ECHO, { inputs });
            assert.equal(answer.errorCode, 0);
            assert.equal(answer.output, hexlify(inputs));
        });

        scenario('0: code saved by the newer call, with metadata', holder, async (net) => {
            const codehash = await saveCode(net.contracts, net.author, FACTORISE, { metadata: '0x1234' });
            const answer = await runJob(net, null, { codehash, inputs: { num: 97 } });
            assert.deepEqual([answer.errorCode, answer.text], [0, '97']);
        });

        scenario('0: calldata longer than its code', holder, async (net) => {
            const data = net.contracts.userCode.interface.encodeFunctionData('saveCodeInCallData(string)', [FACTORISE]);
            const codehash = await send(net, net.contracts.userCode.target, concat([data, randomBytes(100)]));
            const answer = await runJob(net, null, { codehash, inputs: { num: 49 } });
            assert.deepEqual([answer.errorCode, answer.text], [0, '7,7']);
        });

        scenario('1: a transaction that does not exist', holder, async (net) => {
            const answer = await runJob(net, null, { codehash: hexlify(randomBytes(32)), deadline: 2500 });
            assert.deepEqual([answer.errorCode, answer.text], [1, '']);
            assert.ok(answer.totalTime <= 2500);
        });

        scenario('1: a transaction that went elsewhere', holder, async (net) => {
            const { stakeToken, userCode } = net.contracts;
            const data = userCode.interface.encodeFunctionData('saveCodeInCallData(string)', [FACTORISE]);
            for (const to of [net.bystander.address, stakeToken.target]) {
                const answer = await runJob(net, null, { codehash: await send(net, to, data) });
                assert.deepEqual([answer.errorCode, answer.text], [1, '']);
            }
        });

        scenario('1: a transaction that made a contract', holder, async (net) => {
            const answer = await runJob(net, null, { codehash: await send(net, null, '0x00') });
            assert.deepEqual([answer.errorCode, answer.text], [1, '']);
        });

        scenario('2: calldata that is no code', holder, async (net) => {
            const word = (n) => AbiCoder.defaultAbiCoder().encode(['uint256'], [n]);
            const bad = [
                '0x',
                '0xff7cdaf3',
                '0x12345678',
                concat(['0x12345678', word(32), word(3), word(0)]),
                concat(['0xff7cdaf3', word(32)]),
                concat(['0xff7cdaf3', word(32), word(33), word(0)]),
                concat(['0xff7cdaf3', word(2n ** 256n - 1n), word(3), word(0)]),
                concat(['0xff7cdaf3', word(32), word(2n ** 256n - 32n), word(0)]),
            ];
            for (const data of bad) {
                const codehash = await send(net, net.contracts.userCode.target, data);
                const answer = await runJob(net, null, { codehash });
                assert.deepEqual([answer.errorCode, answer.text], [2, ''], data);
            }
        });

        scenario('the callback finds gas left, and its failure changes nothing', holder, async (net) => {
            const { jobOwner, jobs } = net.contracts;
            for (const [behaviour, gas, success] of [[3, 700_000, true], [1, 0, false], [2, 0, false], [0, 0, true]]) {
                await (await jobOwner.setBehaviour(behaviour, gas)).wait();
                const answer = await runJob(net, FACTORISE, { inputs: { num: 12 } });
                assert.deepEqual([answer.errorCode, answer.text], [0, '2,2,3']);
                const receipt = await net.chain.provider.getTransactionReceipt(answer.txHash);
                const called = eventIn(receipt, jobs, 'JobResultCallbackCalled').args;
                assert.equal(called.success, success, `behaviour ${behaviour}`);
            }
        });

        scenario('the same code again, and other code after it', holder, async (net) => {
            const codehash = await saveCode(net.contracts, net.author, FACTORISE);
            const jobs = [];
            for (const num of [6, 35, 143]) jobs.push(await createJob(net.contracts, { codehash, inputs: { num } }));
            const answers = await Promise.all(jobs.map((job) => waitAnswer(net.contracts, job.id)));
            assert.deepEqual(answers.map((a) => a.output), ['2,3', '5,7', '11,13'].map((s) => hexlify(Buffer.from(s))));
        });
    });
}
