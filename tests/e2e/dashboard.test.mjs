// The dashboard: its answers over HTTP, and the page in a real browser while jobs come, the node goes and comes back.
import { execFileSync } from 'node:child_process';
import { request } from 'node:http';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parseEther } from 'ethers';
import { Browser, browserProgram } from '../support/browser.mjs';
import { ROOT } from '../../devnet/lib/paths.mjs';
import { freePort } from '../../devnet/lib/proc.mjs';
import { assert, createJob, readFileSync, saveCode, scenario, sleep, useDevnet, waitAnswer, waitFor } from './harness.mjs';

const QUICK = 'export default { async fetch(r) { return new Response("hi") } }';
const slow = (ms) => `export default { async fetch(r) { await new Promise((f) => setTimeout(f, ${ms})); return new Response("late") } }`;
const BROKEN = 'this is no JavaScript';

// One request with headers that fetch() would not send. Returns {status, headers, text}.
function ask(url, { method = 'GET', headers = {} } = {}) {
    return new Promise((resolve, reject) => {
        request(url, { method, headers }, (response) => {
            let text = '';
            response.on('data', (chunk) => (text += chunk));
            response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
        })
            .on('error', reject)
            .end();
    });
}

// Reads server-sent events until `enough` says so. Returns [{event, data}].
async function events(url, enough) {
    const stop = new AbortController();
    const response = await fetch(url, { signal: stop.signal });
    const list = [];
    let text = '';
    try {
        for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
            text += chunk;
            const parts = text.split('\n\n');
            text = parts.pop();
            for (const part of parts) {
                const event = part.match(/^event: (.*)$/m)?.[1];
                list.push({ event, data: JSON.parse(part.match(/^data: (.*)$/m)[1]) });
            }
            if (enough(list)) return list;
        }
    } finally {
        stop.abort();
    }
    throw new Error('the stream of events has ended');
}

async function oneJob({ contracts }, codehash, deadline = 3000) {
    const job = await createJob(contracts, { codehash, deadline });
    return { job, answer: await waitAnswer(contracts, job.id) };
}

describe('dashboard over HTTP', () => {
    const net = useDevnet({ generation: 1 }, async (net, holder) => {
        holder.node = await net.addNode();
        holder.url = holder.node.monitorUrl;
        await oneJob(net, await saveCode(net.contracts, net.author, QUICK));
    });

    scenario('the page and its parts allow nothing foreign', net, async () => {
        const types = { '': 'text/html', '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml' };
        for (const [name, type] of Object.entries(types)) {
            const { status, headers, text } = await ask(`${net.url}/dashboard${name}`);
            assert.equal(status, 200);
            assert.ok(headers['content-type'].startsWith(type));
            assert.equal(headers['x-content-type-options'], 'nosniff');
            const policy = headers['content-security-policy'];
            assert.ok(policy.startsWith("default-src 'none'; ") && !policy.includes('unsafe'), policy);
            assert.ok(!/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/.test(text));
            assert.ok(!/https?:\/\/(?!www\.w3\.org\/2000\/svg)/.test(text), 'names nothing elsewhere');
        }
    });

    scenario('who asks wrongly is told so', net, async () => {
        assert.equal((await ask(`${net.url}/dashboard`, { method: 'POST' })).status, 405);
        assert.equal((await ask(`${net.url}/dashboard/events`, { method: 'DELETE' })).status, 405);
        assert.equal((await ask(`${net.url}/dashboard`, { method: 'HEAD' })).text, '');
        assert.equal((await ask(`${net.url}/dashboard/none`)).status, 404);
    });

    // A page of a stranger's whose name suddenly leads to 127.0.0.1 sends that name.
    scenario('a name that is not localhost is refused', net, async () => {
        const port = new URL(net.url).port;
        const status = async (host) => (await ask(`${net.url}/dashboard`, { headers: { host } })).status;
        for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, 'localhost', `[::1]:${port}`, '192.168.1.7:80']) {
            assert.equal(await status(host), 200, host);
        }
        for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1.evil.example', 'localhost.evil.example', '[::1].evil']) {
            assert.equal(await status(host), 403, host);
        }
        assert.equal((await ask(`${net.url}/dashboard/events`, { headers: { host: 'evil.example' } })).status, 403);
    });

    scenario('the stream tells everything at once, then what changes', net, async () => {
        const list = await events(`${net.url}/dashboard/events`, (l) => l.filter((e) => e.event === 'tick').length >= 2);
        assert.deepEqual(list.slice(0, 3).map((e) => e.event), ['hello', 'state', 'jobs']);
        const state = list[1].data;
        assert.equal(state.node.enclave, net.node.address);
        assert.equal(state.node.registration, 'active');
        assert.equal(state.slots.capacity, 20);
        assert.deepEqual(state.live, []);
        assert.equal(state.rpc.length, 2);
        const [job] = list[2].data;
        assert.deepEqual([job.id, job.outcome, job.error, job.rank], ['0', 'confirmed', 0, 1]);
        const later = list.slice(3).filter((e) => e.event === 'state');
        assert.ok(later.every((e) => e.data.node === undefined || e.data.node.stake_token), 'only what changed is told again');
    });

    // The contract's own words, read from the chain beside the node.
    scenario('rank, earnings and gas are those of the chain', net, async () => {
        const { contracts } = net.net;
        const { answer } = await oneJob(net.net, await saveCode(contracts, net.net.author, slow(700)), 4000);
        const receipt = await net.net.chain.provider.getTransactionReceipt(answer.txHash);
        const paid = (await contracts.feeToken.queryFilter(contracts.feeToken.filters.Transfer(contracts.jobs.target, net.net.owner.address), answer.block, answer.block))
            .filter((log) => log.transactionHash === answer.txHash);
        assert.equal(paid.length, 1);
        const list = await events(`${net.url}/dashboard/events`, (l) => l.some((e) => e.event === 'jobs' && e.data.some((j) => j.tx === answer.txHash && j.gas)));
        const job = list.filter((e) => e.event === 'jobs').flatMap((e) => e.data).findLast((j) => j.tx === answer.txHash);
        assert.equal(job.earned, String(paid[0].args[2]));
        assert.ok(BigInt(job.earned) > 0n);
        assert.equal(job.token, contracts.feeToken.target);
        assert.equal(job.gas, Number(receipt.gasUsed));
        assert.equal(job.cost, String(receipt.gasUsed * receipt.gasPrice));
        assert.equal(job.rank, answer.outputCount);
        assert.equal(job.total_ms, answer.totalTime);
    });

    // As they stand, but for the port.
    scenario('the commands of docs/dashboard.md do what it says', net, async () => {
        const manual = readFileSync(join(ROOT, 'docs', 'dashboard.md'), 'utf8');
        const lines = [...manual.matchAll(/```sh\n([^]*?)```/g)].flatMap((m) => m[1].trim().split('\n'));
        const said = lines.map((line) => execFileSync('bash', ['-c', line.replaceAll('http://127.0.0.1:9001', net.url)], { encoding: 'utf8' }));
        assert.equal(said.length, 2);
        assert.ok(said[0].startsWith('<!doctype html>'), said[0]);
        assert.ok(said[1].startsWith('retry: 1000\nevent: hello\ndata: {'), said[1]);
    });

    scenario('there is room for so many viewers', net, async () => {
        const viewers = [];
        const leave = () => viewers.splice(0).forEach((stop) => stop.abort());
        const join = async () => {
            const stop = new AbortController();
            viewers.push(stop);
            return (await fetch(`${net.url}/dashboard/events`, { signal: stop.signal })).status === 200;
        };
        try {
            for (let i = 0; i < 16; i++) await waitFor(`viewer ${i + 1}`, join); // those of earlier tests leave
            assert.equal(await join(), false);
            assert.equal((await fetch(`${net.url}/livez`)).status, 200);
        } finally {
            leave();
        }
        await waitFor('room for a viewer', join);
        leave();
    });
});

// ---- in a browser ----

// What is wrong with the page's structure, in words; runs in the page.
function structure() {
    const wrong = [];
    const all = (selector) => [...document.querySelectorAll(selector)];
    const named = (e) => (e.getAttribute('aria-label') ?? e.textContent).trim() !== '' || e.hasAttribute('aria-labelledby');
    if (!document.documentElement.lang) wrong.push('no language');
    if (!document.title) wrong.push('no title');
    for (const one of ['h1', 'header', 'main', 'footer']) if (all(one).length !== 1) wrong.push(`${all(one).length} ${one}`);
    let level = 0;
    for (const h of all('h1,h2,h3,h4')) {
        const n = Number(h.tagName[1]);
        if (n > level + 1) wrong.push(`heading ${h.textContent} skips a level`);
        level = n;
    }
    for (const section of all('section')) {
        const label = document.getElementById(section.getAttribute('aria-labelledby'));
        if (!label?.textContent.trim()) wrong.push(`section ${section.id} has no name`);
    }
    for (const table of all('table')) {
        if (!table.caption?.textContent) wrong.push('a table without a caption');
        if ([...table.tHead.rows[0].cells].some((c) => c.tagName !== 'TH' || c.scope !== 'col' || !c.textContent)) wrong.push('a column without a header');
    }
    for (const e of all('button,a,progress,[role=img],[role=group]')) if (!named(e)) wrong.push(`${e.tagName} ${e.id} has no name`);
    for (const e of all('img')) if (!e.hasAttribute('alt')) wrong.push('an image without alt');
    const ids = all('[id]').map((e) => e.id);
    if (new Set(ids).size !== ids.length) wrong.push('an id is there twice');
    if (!all('[aria-live=polite]').length) wrong.push('nothing is announced');
    for (const e of all('[tabindex]')) if (e.tabIndex > 0) wrong.push(`tabindex ${e.tabIndex}`);
    return wrong;
}

// Texts whose contrast with what lies behind them is below 4.5 (3 for large ones); runs in the page.
function faint() {
    const rgb = (text) => text.match(/[\d.]+/g).map(Number);
    const luminance = ([r, g, b]) => {
        const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
        return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const behind = (e) => {
        for (; e; e = e.parentElement) {
            const colour = rgb(getComputedStyle(e).backgroundColor);
            if (colour.length === 3 || colour[3] === 1) return colour;
        }
        return [255, 255, 255];
    };
    const found = [];
    for (const e of document.querySelectorAll('body *')) {
        const text = [...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join('');
        const box = e.getBoundingClientRect();
        if (!text || box.width < 2 || e.closest('[hidden],.skip,svg')) continue;
        const style = getComputedStyle(e);
        const [a, b] = [luminance(rgb(style.color)), luminance(behind(e))].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05);
        if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) found.push(`${text}: ${ratio.toFixed(2)}`);
    }
    return found;
}

const rowOf = (id) => {
    const row = [...document.querySelectorAll('#past-rows tr')].find((r) => r.cells[0].textContent === `#${id}`);
    return row && [...row.cells].map((c) => c.textContent);
};

if (!browserProgram()) {
    test('dashboard in a browser', { skip: 'no chromium here: tools/setup.sh test installs it' }, () => {});
} else {
    describe('dashboard in a browser', () => {
        const net = useDevnet({ generation: 2, contracts: { executionBufferTime: 2 } }, async (net, holder) => {
            holder.codes = { quick: QUICK, slow: slow(4000), broken: BROKEN };
            for (const [name, code] of Object.entries(holder.codes)) holder.codes[name] = await saveCode(net.contracts, net.author, code);
            holder.node = await net.addNode({ stake: parseEther('200'), config: { metrics_addr: `127.0.0.1:${await freePort()}` } });
            holder.url = holder.node.monitorUrl;
            await oneJob(net, holder.codes.quick);
            await oneJob(net, holder.codes.broken);
            holder.browser = await Browser.start();
            holder.page = await holder.browser.newPage();
            await holder.page.resize(1280, 900);
            await holder.page.scheme('light');
        });

        scenario('it loads and shows what there is', net, async () => {
            const { page, node } = net;
            await page.open(`${net.url}/dashboard`);
            await page.until('the page to be live', () => document.querySelector('#link-text')?.textContent === 'live');
            await page.until('both jobs', () => document.querySelectorAll('#past-rows tr').length === 2);
            const text = (id) => page.run((i) => document.getElementById(i).textContent, id);
            assert.equal(await text('enclave'), node.address);
            assert.equal(await text('registration'), 'Active');
            await page.until('the stake', () => document.querySelector('#stake').textContent === '200STAKE');
            assert.match(await text('gas'), /ETH$/);
            assert.match(await text('gas-note'), /^pays for /);
            assert.match(await text('slots-list'), /of 20$/);
            assert.equal(await text('day'), '2');
            await page.until('endpoints', () => document.querySelectorAll('#rpc .pill.good').length === 2);
            await page.until('rank, earnings and gas of both', () => !document.querySelector('#past-rows .unknown'));
            const [job, outcome, , latency, total, rank, earned, gas, cost] = await page.run(rowOf, 1);
            assert.deepEqual([job, outcome, rank], ['#1', 'answeredthe code does not load', '1st']);
            for (const [value, form] of [[latency, /s$/], [total, /s$/], [earned, / USD$/], [gas, /\d/], [cost, /wei|ETH/]]) assert.match(value, form);
            assert.match(await page.run(() => document.querySelector('#latency').getAttribute('aria-label')), /last 2 answers: median/);
        });

        scenario('it shows a job as it happens', net, async () => {
            const { page } = net;
            const job = await createJob(net.net.contracts, { codehash: net.codes.slow, deadline: 15_000 });
            const live = await page.until('the job under way', (id) => {
                const row = [...document.querySelectorAll('#live tr')].find((r) => r.cells[0].textContent === id);
                return row?.cells[1].textContent === 'running' && row.cells[2].textContent;
            }, [String(job.id)]);
            assert.match(live, /s$/);
            assert.match(await page.run(() => document.querySelector('#slots-list').textContent), /running 1/);
            await page.until('its end', (id) => [...document.querySelectorAll('#past-rows td.job')][0].textContent === `#${id}`, [String(job.id)]);
            await page.until('nothing under way', () => document.querySelectorAll('#live tr').length === 0);
            await page.until('what it earned', () => !document.querySelector('#past-rows .unknown'));
            assert.equal((await page.run(rowOf, 2))[1], 'answered');
            await page.until('its announcement', () => document.querySelector('#said').textContent.includes('Job 2 answered'));
        });

        scenario('it survives the end of the node and tells what was lost meanwhile', net, async () => {
            const { page, node } = net;
            const { contracts } = net.net;
            await node.stop('SIGKILL');
            await page.until('the loss', () => document.querySelector('#link').dataset.state === 'lost');
            const job = await createJob(contracts, { codehash: net.codes.quick, deadline: 500 });
            await waitFor('the end of its time', async () => (await net.net.chain.time()) > (await contracts.jobs.jobs(job.id)).execStartTime + 4n);
            await (await contracts.jobs.connect(net.net.bystander).slashOnExecutionTimeout(job.id)).wait();
            await node.start();
            await page.until('the page to be live again', () => document.querySelector('#link').dataset.state === 'live');
            await page.until('the history and the slash', () => document.querySelectorAll('#past-rows tr').length === 4);
            await page.until('its name', () => document.querySelector('#past-rows .pill.bad')?.textContent === 'slashed');
            assert.equal((await page.run(rowOf, 3))[1], 'slashed');
            assert.equal((await page.run(rowOf, 0))[1], 'answered');
            await page.until('its count', () => document.querySelector('#sum-slashed').textContent === '1');
            await page.until('the stake, less what was lost', () => document.querySelector('#stake').textContent === '198STAKE');
            await oneJob(net.net, net.codes.quick);
            await page.until('a new job', () => document.querySelectorAll('#past-rows tr').length === 5);
        });

        scenario('its structure serves a screen reader', net, async () => {
            assert.deepEqual(await net.page.run(structure), []);
        });

        scenario('the keyboard reaches everything, in order, visibly', net, async () => {
            const { page } = net;
            await page.run(() => document.activeElement.blur());
            const stops = [];
            for (let i = 0; i < 3; i++) {
                await page.press('Tab');
                stops.push(await page.run(() => {
                    const e = document.activeElement;
                    return [e.id || e.className, getComputedStyle(e).outlineStyle !== 'none', e.getBoundingClientRect().top >= 0];
                }));
            }
            assert.deepEqual(stops, [['skip', true, true], ['by-hour', true, true], ['by-day', true, true]]);
            await page.press('Enter', { text: '\r' });
            assert.deepEqual(await page.run(() => ['by-hour', 'by-day'].map((id) => document.getElementById(id).getAttribute('aria-pressed'))), ['false', 'true']);
            assert.match(await page.run(() => document.querySelector('#time').getAttribute('aria-label')), /30 days: 4 answered, 1 missed, 1 slashed/);
        });

        scenario('light and dark, both with contrast', net, async () => {
            const { page } = net;
            const paper = () => getComputedStyle(document.body).backgroundColor.match(/\d+/g).reduce((sum, c) => sum + Number(c), 0) / 3;
            assert.ok((await page.run(paper)) > 220);
            assert.deepEqual(await page.run(faint), []);
            await page.scheme('dark');
            assert.ok((await page.run(paper)) < 40);
            assert.deepEqual(await page.run(faint), []);
            await page.scheme('light');
        });

        scenario('a phone shows it without scrolling sideways', net, async () => {
            const { page } = net;
            for (const width of [360, 768]) {
                await page.resize(width, 740, { mobile: true, scale: 2 });
                await sleep(100);
                const [inner, needed] = await page.run(() => [innerWidth, document.documentElement.scrollWidth]);
                assert.deepEqual([inner, needed], [width, width]);
            }
            assert.ok((await page.run(rowOf, 0)).length === 9, 'nothing is left out');
            await page.resize(1280, 900);
        });

        // Last: everything above was watched.
        scenario('no complaint, and no word to anybody else', net, async () => {
            const { page, browser } = net;
            const whileAway = (c) => c.kind === 'network' && c.url === `${net.url}/dashboard/events`;
            assert.deepEqual(page.complaints.filter((c) => !whileAway(c)), []);
            assert.deepEqual(page.requests.filter((url) => !url.startsWith(`${net.url}/dashboard`)), []);
            const addresses = await browser.stop();
            assert.ok(addresses.includes(new URL(net.url).host), 'its log tells of connections');
            assert.deepEqual(addresses.filter((a) => !a.startsWith('127.0.0.1:')), []);
        });
    });
}
