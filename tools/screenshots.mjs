// Takes the pictures of docs/dashboard.md: a devnet with a node that answers jobs of all kinds beside two others, and the
// dashboard in a browser. What lies before the first job (the bars of earlier days) is made up.
//   node tools/screenshots.mjs [FOLDER]     (docs/images)
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEther, toQuantity } from 'ethers';
import { Devnet } from '../devnet/lib/devnet.mjs';
import { createJob, saveCode, waitAnswers } from '../devnet/lib/jobs.mjs';
import { ROOT } from '../devnet/lib/paths.mjs';
import { freePort, sleep, waitFor } from '../devnet/lib/proc.mjs';
import { Browser } from '../tests/support/browser.mjs';

const FOLDER = process.argv[2] ?? join(ROOT, 'docs', 'images');
const answer = (body) => `export default { async fetch(r) { ${body} } }`;
const wait = (ms) => answer(`await new Promise((f) => setTimeout(f, ${ms})); return new Response("late")`);
const CODES = {
    quick: answer('return new Response("hi")'),
    sum: answer('let s = 0; for (let i = 0; i < 2e5; i++) s += i; return new Response(String(s))'),
    short: wait(40),
    long: wait(350),
    endless: wait(600_000),
    broken: 'this is no JavaScript',
    large: answer('return new Response("x".repeat(200_000))'),
};
const MIX = ['quick', 'sum', 'quick', 'short', 'sum', 'quick', 'long', 'quick', 'sum', 'broken', 'quick', 'short', 'large', 'sum', 'endless', 'quick'];

// Numbers that look like chance and are the same each time.
let seed = 7;
const chance = () => (seed = (seed * 16807) % 2147483647) / 2147483647;

function makeUpHours(file) {
    const hour = Math.floor(Date.now() / 3_600_000) * 3600;
    const rows = Array.from({ length: 30 * 24 }, (_, i) => {
        const day = 0.5 + 0.4 * Math.sin(((30 * 24 - i) / 24) * 2 * Math.PI) + 0.4 * chance();
        const bad = [9, 300, 301].includes(i) ? 1 : 0;
        return [hour - (i + 1) * 3600, Math.round(38 * day), bad, bad];
    });
    const code = 'import json,sqlite3,sys\nd=sqlite3.connect(sys.argv[1])\nd.executemany("INSERT INTO hours VALUES (?,?,?,?)",json.load(sys.stdin))\nd.commit()';
    execFileSync('python3', ['-c', code, file], { input: JSON.stringify(rows) });
}

// A job that all three executors answer, in an order that chance gives.
async function oneJob(net, others, codehash, i) {
    const job = await createJob(net.contracts, { codehash, deadline: 1500 });
    await Promise.all(
        others.map(async (other, k) => {
            await sleep(chance() < 0.3 ? 0 : 400 + 300 * k);
            await other.submit(net.chain.account(30 + k), job.id, { totalTime: 40 }).catch(() => {}); // refused when late
        }),
    );
    await waitAnswers(net.contracts, job.id, { n: 3, timeoutMs: 20_000 }).catch(() => console.log(`job ${i}: not all have answered`));
}

async function prepare(net) {
    const node = await net.addNode({ stake: parseEther('250'), config: { metrics_addr: `127.0.0.1:${await freePort()}` } });
    const others = [await net.addSilentExecutor({ stake: parseEther('900') }), await net.addSilentExecutor({ stake: parseEther('900') })];
    const codes = {};
    for (const [name, code] of Object.entries(CODES)) codes[name] = await saveCode(net.contracts, net.author, code);
    for (let i = 0; i < 14; i++) await oneJob(net, others, codes[MIX[i % MIX.length]], i);
    await node.stop();
    const missed = await createJob(net.contracts, { codehash: codes.quick, deadline: 500 });
    for (const other of others) await other.submit(net.chain.account(30), missed.id);
    makeUpHours(node.ledgerFile);
    const { execStartTime } = await net.contracts.jobs.jobs(missed.id);
    await waitFor('the end of a missed job', async () => (await net.chain.time()) > execStartTime + 4n);
    await (await net.contracts.jobs.connect(net.bystander).slashOnExecutionTimeout(missed.id)).wait();
    await node.start();
    await waitFor('the node to be ready', async () => (await fetch(`${node.monitorUrl}/readyz`)).ok);
    for (let i = 0; i < 40; i++) await oneJob(net, others, codes[MIX[i % MIX.length]], i);
    await net.chain.provider.send('anvil_setBalance', [node.gas.address, toQuantity(parseEther('0.4217'))]);
    return { node, codes };
}

const VIEWS = [
    { file: 'dashboard.png', width: 1200, height: 900, scheme: 'light' },
    { file: 'dashboard-dark.png', width: 1200, height: 900, scheme: 'dark' },
    { file: 'dashboard-phone.png', width: 390, height: 844, scheme: 'light', mobile: true, scale: 1.4, shown: 1560 },
];

async function shoot(net, { node, codes }) {
    const browser = await Browser.start();
    try {
        const page = await browser.newPage();
        await page.open(`${node.monitorUrl}/dashboard`);
        await page.until('the gas balance', () => document.querySelector('#gas')?.textContent.startsWith('0.42'), [], { timeoutMs: 90_000 });
        for (const view of VIEWS) {
            await waitFor('free slots', async () => (await page.run(() => document.querySelectorAll('#live tr').length)) === 0, { timeoutMs: 60_000 });
            for (let i = 0; i < 3; i++) {
                await createJob(net.contracts, { codehash: codes.endless, deadline: 6000 + 3000 * i });
                await sleep(700);
            }
            await page.scheme(view.scheme);
            await page.resize(view.width, view.height, view);
            await sleep(900);
            writeFileSync(join(FOLDER, view.file), await page.shot(view.shown ?? 1130));
        }
    } finally {
        await browser.stop();
    }
}

mkdirSync(FOLDER, { recursive: true });
const net = await Devnet.start({
    generation: 2,
    contracts: { nodesToSelect: 3, executionBufferTime: 3, executorFeePerMs: 2n * 10n ** 13n },
});
try {
    await shoot(net, await prepare(net));
} finally {
    await net.stop();
}
