// Metrics and health as an operator's tools read them, from a node at work: every name, every counter, every reason.
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, describe } from 'node:test';
import { hexlify, randomBytes } from 'ethers';
import { addStake, drain, revive } from '../../devnet/lib/executor.mjs';
import { ROOT } from '../../devnet/lib/paths.mjs';
import { freePort } from '../../devnet/lib/proc.mjs';
import { descendants } from '../../devnet/lib/system.mjs';
import { DESTROY, FaultProxy } from '../fault/proxy.mjs';
import { assert, createJob, handler, runJob, saveCode, scenario, send, sleep, useDevnet, waitAnswer, waitFor } from './harness.mjs';

const PREFIX = 'oyster_executor_';
const HELLO = handler('return new Response("hello");');
const LOOP = handler('for (;;) {}');
const SLEEP = handler('await new Promise((r) => setTimeout(r, 60_000)); return new Response();');
const SLOW = handler('await new Promise((r) => setTimeout(r, 2000)); return new Response("slow");');
const OOM = handler('const a = []; for (;;) a.push(new Uint8Array(1 << 20).fill(1));');
const HUGE = handler('return new Response("y".repeat(90001));');
const RESULTS = ['ok', 'bad_tx', 'bad_calldata', 'syntax', 'timeout', 'output_too_large', 'crash', 'oom', 'no_slot'];

// Each name that dashboards and alerts are built on: [name, type, labels].
const FAMILIES = [
    ['build_info', 'gauge', ['version']],
    ['jobs_received_total', 'counter'],
    ['jobs_total', 'counter', ['result']],
    ['jobs_settled_total', 'counter', ['outcome']],
    ['job_duration_seconds', 'histogram'],
    ['worker_start_seconds', 'histogram'],
    ['event_to_tx_seconds', 'histogram'],
    ['slots', 'gauge', ['state']],
    ['worker_oom_kills_total', 'counter'],
    ['chain_head_block', 'gauge'],
    ['last_processed_block', 'gauge'],
    ['events_backfilled_total', 'counter'],
    ['reorgs_total', 'counter'],
    ['ws_reconnects_total', 'counter'],
    ['rpc_requests_total', 'counter', ['endpoint', 'method', 'outcome']],
    ['rpc_request_duration_seconds', 'histogram', ['method']],
    ['rpc_endpoint_up', 'gauge', ['endpoint']],
    ['rpc_endpoint_head_block', 'gauge', ['endpoint']],
    ['tx_sent_total', 'counter'],
    ['tx_replaced_total', 'counter'],
    ['tx_pending', 'gauge'],
    ['nonce_local', 'gauge'],
    ['nonce_chain', 'gauge'],
    ['gas_balance_ether', 'gauge'],
    ['slashed_total', 'counter'],
    ['registered', 'gauge'],
    ['draining', 'gauge'],
    ['clock_skew_seconds', 'gauge'],
    ['attestation_age_seconds', 'gauge'],
];

const at = (node, path, options) => fetch(node.monitorUrl + path, options);
const text = async (node, path) => (await at(node, path)).text();

// The page as {series: value}; a series as it stands there, the prefix of our names left out.
function parse(page) {
    const lines = page.split('\n').filter((line) => line && !line.startsWith('#'));
    return Object.fromEntries(
        lines.map((line) => {
            const cut = line.lastIndexOf(' ');
            const series = line.slice(0, cut);
            return [series.startsWith(PREFIX) ? series.slice(PREFIX.length) : series, Number(line.slice(cut + 1))];
        }),
    );
}
const metrics = async (node) => parse(await text(node, '/metrics'));

async function is(node, path, status, body) {
    const answer = await at(node, path);
    assert.deepEqual({ status: answer.status, body: await answer.text() }, { status, body });
}

const ready = (node) =>
    waitFor('the node to be ready', async () => (await at(node, '/readyz')).status === 200, { timeoutMs: 60_000 });
const unready = (node, reason) =>
    waitFor(
        `"${reason}"`,
        async () => {
            const answer = await at(node, '/readyz');
            return answer.status === 503 && (await answer.text()) === `${reason}\n`;
        },
        { timeoutMs: 60_000 },
    );
// Waits until a series is as the test wants it.
const comesTo = (node, series, wanted) =>
    waitFor(`${series} ${wanted}`, async () => wanted((await metrics(node))[series]), { timeoutMs: 60_000 });

// The TCP ports that a process listens on, in order.
function listening(pid) {
    const inodes = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`)));
    const rows = ['tcp', 'tcp6'].flatMap((table) => readFileSync(`/proc/${pid}/net/${table}`, 'utf8').split('\n').slice(1));
    const fields = rows.map((row) => row.trim().split(/\s+/)).filter((f) => f[3] === '0A' && inodes.has(`socket:[${f[9]}]`));
    return fields.map((f) => parseInt(f[1].split(':')[1], 16)).sort((a, b) => a - b);
}

function linkOf(path) {
    try {
        return readlinkSync(path);
    } catch {
        return null; // closed meanwhile
    }
}

function promtool(page) {
    const path = execFileSync(join(ROOT, 'tools', 'promtool.sh'), { encoding: 'utf8' }).trim();
    return execFileSync(path, ['check', 'metrics'], { input: page, encoding: 'utf8', stdio: 'pipe' });
}

// Bound by bound, what histograms promise.
function checkHistogram(values, name, label) {
    const tail = label ? `,${label}}` : '}';
    const buckets = Object.entries(values).filter(([k]) => k.startsWith(`${name}_bucket{`) && k.endsWith(tail));
    const counts = buckets.filter(([k]) => label || !k.includes(',')).map(([, v]) => v);
    assert.ok(counts.length > 10, name);
    for (let i = 1; i < counts.length; i++) assert.ok(counts[i] >= counts[i - 1], `${name} is cumulative`);
    assert.equal(counts.at(-1), values[`${name}_count${label ? `{${label}}` : ''}`]);
    return counts.at(-1);
}

describe('a node without an owner', () => {
    const holder = useDevnet({ generation: 2 }, async (net, holder) => {
        holder.node = await net.newNode().start();
    });

    scenario('lives, is not ready, and says why', holder, async () => {
        const { node } = holder;
        await is(node, '/livez', 200, 'ok\n');
        await is(node, '/readyz', 503, 'configured: no owner is configured (POST /immutable-config)\n');
        await node.setOwner(holder.net.owner.address);
        await is(node, '/readyz', 503, 'configured: no gas key is configured (POST /mutable-config)\n');
        const answer = await at(node, '/healthz');
        const lines = (await answer.text()).trimEnd().split('\n');
        assert.equal(answer.status, 503);
        assert.ok(lines.includes('[+]loop ok') && lines.includes('[+]workers ok'), lines);
        assert.ok(lines.includes('[-]configured failed: no gas key is configured (POST /mutable-config)'), lines);
        assert.equal(lines.at(-1), 'healthz check failed');
    });

    scenario('tells its metrics all the same', holder, async () => {
        const page = await text(holder.node, '/metrics');
        assert.equal(promtool(page), '');
        const values = parse(page);
        assert.equal(values.registered, 0);
        assert.equal(values.jobs_received_total, 0);
        assert.ok(!('gas_balance_ether' in values), 'what is not known is not there');
    });

    scenario('other paths and methods are refused', holder, async () => {
        const { node } = holder;
        const nowhere = await at(node, '/metric');
        assert.equal(nowhere.status, 404);
        assert.match(await nowhere.text(), /^Unknown path, known ones are:.* \/metrics .*\/healthz/);
        for (const path of ['/metrics', '/livez', '/readyz', '/healthz']) {
            const posted = await at(node, path, { method: 'POST', body: '{}' });
            assert.equal(posted.status, 405);
            assert.equal(posted.headers.get('allow'), 'GET, HEAD');
            assert.equal(await posted.text(), `Wrong method for ${path}, allowed: GET, HEAD\n`);
        }
        const head = await at(node, '/metrics', { method: 'HEAD' });
        assert.deepEqual([head.status, await head.text()], [200, '']);
        assert.equal((await fetch(`${node.url}/metrics`)).status, 404, 'not on the API');
        assert.equal((await at(node, '/executor-details')).status, 404, 'and the API is not here');
    });
});

describe('a node at work', () => {
    const contracts = { executionBufferTime: 2 };
    const holder = useDevnet({ generation: 2, contracts }, async (net, holder) => {
        holder.proxy = await FaultProxy.start(net.chain);
        const urls = ['/key-4711', '/key-4712'].map((path) => holder.proxy.httpUrl + path); // as providers have them
        const config = { http_rpc_url: urls, job_capacity: 4, warm_workers: 2 };
        holder.node = await net.addNode({ chain: holder.proxy, config });
        await ready(holder.node);
    });
    const answered = (result) => comesTo(holder.node, `jobs_total{result="${result}"}`, (n) => n >= 1);

    // What a job changes: its result, and the numbers that every job moves.
    async function counts(net, result, run) {
        await comesTo(holder.node, 'slots{state="held"}', (n) => n >= 1); // so that none waits for a worker
        const before = await metrics(holder.node);
        const answer = await run();
        await answered(result);
        const after = await waitFor('the job to be settled', async () => {
            const now = await metrics(holder.node);
            return now.jobs_open === 0 && now;
        });
        for (const r of RESULTS) {
            const moved = after[`jobs_total{result="${r}"}`] - before[`jobs_total{result="${r}"}`];
            assert.equal(moved, r === result ? 1 : 0, `jobs_total of ${r} after one that is ${result}`);
        }
        const moved = (series) => after[series] - before[series];
        assert.equal(moved('jobs_received_total'), 1);
        assert.equal(moved('jobs_settled_total{outcome="confirmed"}'), 1);
        assert.equal(moved('tx_sent_total'), 1);
        assert.equal(moved('nonce_local'), 1);
        assert.equal(moved('job_duration_seconds_count'), 1);
        assert.equal(moved('event_to_tx_seconds_count'), 1);
        assert.equal(moved('worker_oom_kills_total'), result === 'oom' ? 1 : 0);
        assert.ok(moved('event_to_tx_seconds_sum') >= moved('job_duration_seconds_sum'));
        return answer;
    }
    const ends = (result, code, errorCode, options) =>
        scenario(`a job that ends with ${result} is counted so`, holder, async (net) => {
            const answer = await counts(net, result, () => runJob(net, code, { deadline: 3000, ...options }));
            assert.equal(answer.errorCode, errorCode);
        });

    ends('ok', HELLO, 0);
    ends('bad_tx', null, 1, { codehash: hexlify(randomBytes(32)), deadline: 1500 });
    scenario('a job that ends with bad_calldata is counted so', holder, async (net) => {
        const codehash = await send(net, net.contracts.userCode.target, '0x12345678');
        await counts(net, 'bad_calldata', () => runJob(net, null, { codehash, deadline: 3000 }));
    });
    ends('syntax', 'export default {', 3);
    ends('timeout', LOOP, 4, { deadline: 1000 });
    ends('output_too_large', HUGE, 5);
    ends('oom', OOM, 6, { deadline: 10_000 });

    scenario('a worker that is killed is a crash, and not out of memory', holder, async (net) => {
        const codehash = await saveCode(net.contracts, net.author, SLEEP);
        const answer = await counts(net, 'crash', async () => {
            const job = await createJob(net.contracts, { codehash, deadline: 10_000 });
            await comesTo(holder.node, 'slots{state="running"}', (n) => n === 1);
            await comesTo(holder.node, 'slots{state="held"}', (n) => n === 2);
            const workers = descendants(holder.node.child.pid).filter((p) => p.name === 'workerd');
            for (const { pid } of workers) process.kill(pid, 'SIGKILL');
            return waitAnswer(net.contracts, job.id);
        });
        assert.equal(answer.errorCode, 6);
        await comesTo(holder.node, 'worker_held_deaths_total', (n) => n >= 1);
    });

    scenario('a reorganisation is counted', holder, async (net) => {
        const { provider } = net.chain;
        const before = (await metrics(holder.node)).reorgs_total;
        await waitFor('an empty block', async () => (await provider.getBlock('latest')).transactions.length === 0);
        await provider.send('anvil_reorg', [1, []]);
        await comesTo(holder.node, 'reorgs_total', (n) => n === before + 1);
        net.author.reset();
    });

    scenario('promtool has no complaint, and every name is there with its type and labels', holder, async () => {
        const page = await text(holder.node, '/metrics');
        assert.equal(promtool(page), '');
        const values = parse(page);
        for (const [name, type, labels = []] of FAMILIES) {
            assert.ok(page.includes(`\n# TYPE ${PREFIX}${name} ${type}\n`), name);
            const sample = type === 'histogram' ? `${name}_count` : name;
            const found = Object.keys(values).find((series) => series === sample || series.startsWith(`${sample}{`));
            assert.ok(found, `a sample of ${name}`);
            assert.deepEqual([...found.matchAll(/(\w+)="/g)].map((m) => m[1]), labels, found);
        }
        for (const r of RESULTS) assert.ok(`jobs_total{result="${r}"}` in values, r);
        assert.ok(`rpc_endpoint_up{endpoint="${holder.proxy.httpUrl}#2"}` in values, 'two of one host are told apart');
        const all = page + (await text(holder.node, '/healthz?verbose'));
        for (const secret of ['key-47', holder.node.key.privateKey.slice(2, 20), holder.node.gas.privateKey.slice(2, 20)])
            assert.ok(!all.includes(secret), `no ${secret}`);
    });

    scenario('docs/api.md tells each of them, and no other', holder, async () => {
        const page = await text(holder.node, '/metrics');
        const told = page.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)$/gm);
        const rows = [...told].map(([, name, help, type]) => [name.replace(PREFIX, ''), type, help].join(' | '));
        const docs = readFileSync(join(ROOT, 'docs', 'api.md'), 'utf8');
        const written = docs.matchAll(/^\| `(\w+)[^`]*` \| (counter|gauge|histogram) \| (.*) \|$/gm);
        assert.deepEqual([...written].map((row) => row.slice(1).join(' | ')), rows);
    });

    scenario('the numbers agree with what is known from elsewhere', holder, async (net) => {
        const { node, proxy } = holder;
        const values = await metrics(node);
        const sum = Object.entries(values).filter(([k]) => k.startsWith('slots{')).reduce((n, [, v]) => n + v, 0);
        assert.equal(sum, 4, 'each slot is in one state');
        assert.equal(values['process_resident_memory_bytes'] > 1e6, true);
        const [started, now] = [values.process_start_time_seconds, Date.now() / 1000];
        assert.ok(started > now - 600 && started <= now + 1, `started at ${started}, now ${now}`);
        const balance = Number(await net.chain.provider.getBalance(node.gas.address)) / 1e18;
        assert.ok(Math.abs(values.gas_balance_ether - balance) < 1, `${values.gas_balance_ether} ether, ${balance} on chain`);
        const used = await net.chain.provider.getTransactionCount(node.gas.address);
        assert.deepEqual([values.nonce_local, values.nonce_chain], [used, used]);
        assert.ok(Math.abs(values.chain_head_block - (await net.chain.provider.getBlockNumber())) <= 3);
        assert.ok(values.last_processed_block <= values.chain_head_block);
        assert.deepEqual([values.registered, values.draining, values.slashed_total], [1, 0, 0]);
        assert.ok(Math.abs(values.clock_skew_seconds) < 60);
        assert.equal(values[`rpc_endpoint_up{endpoint="${proxy.httpUrl}"}`], 1);
        assert.equal(values[`rpc_endpoint_up{endpoint="${proxy.wsUrl}"}`], 1);
        assert.ok(checkHistogram(values, 'event_to_tx_seconds') >= 7);
        assert.ok(checkHistogram(values, 'worker_start_seconds') >= 7);
        assert.ok(checkHistogram(values, 'rpc_request_duration_seconds', 'method="eth_sendRawTransaction"') >= 7);
        for (const path of ['/healthz', '/healthz?', '/healthz?verbosely', '/healthz?x=verbose']) await is(node, path, 200, 'ok\n');
        for (const path of ['/healthz?verbose=1', '/healthz?x=1&verbose']) assert.match(await text(node, path), /^\[\+\]loop ok\n/);
        const list = (await text(node, '/healthz?verbose')).trimEnd().split('\n');
        assert.equal(list.pop(), 'ok');
        assert.ok(list.length >= 8 && list.every((line) => /^\[\+\]\w+ ok$/.test(line)), list);
    });

    scenario('a job that no slot was free for is told apart from a slow one', holder, async (net) => {
        const loop = await saveCode(net.contracts, net.author, LOOP);
        const hello = await saveCode(net.contracts, net.author, HELLO);
        await holder.node.stop();
        holder.node.config = { ...holder.node.config, job_capacity: 1, warm_workers: 1 };
        holder.node.writeConfig();
        await holder.node.start();
        await ready(holder.node);
        await comesTo(holder.node, 'slots{state="held"}', (n) => n === 1); // its rehearsals are over
        const long = await createJob(net.contracts, { codehash: loop, deadline: 6000 });
        await comesTo(holder.node, 'slots{state="running"}', (n) => n === 1); // else the short one is first in the queue
        const short = await createJob(net.contracts, { codehash: hello, deadline: 1000 });
        const waiting = (await metrics(holder.node)).jobs_waiting;
        assert.equal((await waitAnswer(net.contracts, short.id)).errorCode, 4);
        await answered('no_slot');
        assert.equal((await waitAnswer(net.contracts, long.id)).errorCode, 4);
        await answered('timeout');
        assert.ok(waiting <= 1);
    });

    scenario('drained it is not ready, revived it is', holder, async (net) => {
        await drain(net.contracts, net.owner, holder.node.address);
        await unready(holder.node, 'registered: the executor is draining on the contract');
        const drained = await metrics(holder.node);
        assert.deepEqual([drained.registered, drained.draining], [1, 1]);
        await revive(net.contracts, net.owner, holder.node.address);
        await ready(holder.node);
        assert.equal((await metrics(holder.node)).draining, 0);
    });

    scenario('its stake is told anew when it changes', holder, async (net) => {
        const { executors } = net.contracts;
        const staked = async () => Number((await executors.executors(holder.node.address)).stakeAmount) / 1e18;
        const before = await staked();
        await comesTo(holder.node, 'stake_tokens', (n) => n === before);
        await addStake(net.contracts, net.owner, holder.node.address, 5n * 10n ** 17n);
        assert.equal(await staked(), before + 0.5);
        await comesTo(holder.node, 'stake_tokens', (n) => n === before + 0.5);
    });

    scenario('without gas it is not ready', holder, async (net) => {
        const { provider } = net.chain;
        const look = () => provider.send('anvil_mine', ['0x19']); // the balance is asked for every 20 blocks
        const balance = await provider.send('eth_getBalance', [holder.node.gas.address, 'latest']);
        await provider.send('anvil_setBalance', [holder.node.gas.address, '0x1']);
        await look();
        await unready(holder.node, 'gas: the gas account cannot pay for an answer');
        const values = await metrics(holder.node);
        assert.deepEqual([values.answers_left, values.gas_balance_ether], [0, 1e-18]);
        await provider.send('anvil_setBalance', [holder.node.gas.address, balance]);
        await look();
        await ready(holder.node);
    });

    scenario('without its RPC it is not ready; the job that it missed is told', holder, async (net) => {
        const { node, proxy } = holder;
        const before = await metrics(node);
        const codehash = await saveCode(net.contracts, net.author, HELLO);
        proxy.fault = { http: () => DESTROY, upgrade: (socket) => (socket.destroy(), true) };
        proxy.cutStreams();
        await waitFor('503', async () => (await at(node, '/readyz')).status === 503, { timeoutMs: 60_000 });
        await comesTo(node, `rpc_endpoint_up{endpoint="${proxy.httpUrl}"}`, (up) => up === 0);
        await unready(node, 'rpc: no endpoint of http_rpc_url answers');
        const job = await createJob(net.contracts, { codehash, deadline: 500 });
        await waitFor('the slash', async () => {
            const slash = net.contracts.jobs.connect(net.bystander).slashOnExecutionTimeout(job.id);
            return slash.then((tx) => tx.wait()).then(() => true, () => sleep(500));
        });
        proxy.fault = {};
        await ready(node);
        await comesTo(node, 'slashed_total', (n) => n === 1);
        const after = await metrics(node);
        assert.ok(after.ws_reconnects_total > before.ws_reconnects_total);
        assert.ok(after.events_backfilled_total > before.events_backfilled_total);
        const failed = Object.keys(after).find((k) => k.startsWith(`rpc_requests_total{endpoint="${proxy.httpUrl}"`) && k.includes('outcome="transport"'));
        assert.ok(failed, 'requests that failed are counted');
        await comesTo(node, 'jobs_settled_total{outcome="expired"}', (n) => n === 1);
        const { stakeAmount } = await net.contracts.executors.executors(node.address);
        await comesTo(node, 'stake_tokens', (n) => n === Number(stakeAmount) / 1e18 && n < before.stake_tokens);
    });

    scenario('about to stop it is not ready, and lives until the job is answered', holder, async (net) => {
        const { node } = holder;
        await addStake(net.contracts, net.owner, node.address, net.contracts.options.minStake); // it was slashed
        const codehash = await saveCode(net.contracts, net.author, SLOW);
        const job = await createJob(net.contracts, { codehash, deadline: 10_000 });
        await comesTo(node, 'jobs_open', (n) => n === 1);
        const stopped = node.stop('SIGTERM', 45_000);
        await unready(node, 'draining: the node is stopping and takes no job');
        await is(node, '/livez', 200, 'ok\n');
        assert.equal((await metrics(node)).draining, 1);
        assert.equal((await waitAnswer(net.contracts, job.id)).errorCode, 0);
        assert.equal((await stopped).code, 0);
    });
    after(() => holder.proxy?.stop());
});

describe('where it listens', () => {
    const holder = useDevnet({ generation: 2 }, async () => {});
    const newNode = (net, metrics_addr) => net.newNode({ config: { metrics_addr, job_capacity: 1, warm_workers: 0 } });
    // Takes an address unless it is taken already; returns what gives it back.
    const take = (port) =>
        new Promise((resolve) => {
            const server = createServer();
            server.once('error', () => resolve(() => {}));
            server.listen(port, '127.0.0.1', () => resolve(() => server.close()));
        });

    scenario('an address that is configured and taken ends the start with one line', holder, async (net) => {
        const port = await freePort();
        const giveBack = await take(port);
        const node = newNode(net, `127.0.0.1:${port}`);
        await node.spawn();
        await waitFor('its end', () => !node.child.running, { timeoutMs: 60_000 });
        const said = node.child.log().trimEnd().split('\n').filter((line) => line.startsWith('oyster-serverless-executor:'));
        assert.deepEqual(said, [
            `oyster-serverless-executor: metrics_addr: port ${port} on 127.0.0.1: Address already in use`,
        ]);
        giveBack();
    });

    scenario('the default address that is taken is gone without', holder, async (net) => {
        const giveBack = await take(9001);
        const node = newNode(net, undefined);
        await node.start();
        assert.match(node.child.log(), /monitor_off .*port 9001 on 127\.0\.0\.1: Address already in use/);
        assert.throws(() => node.monitorUrl);
        await node.stop();
        giveBack();
    });

    scenario('off listens nowhere but for the API', holder, async (net) => {
        const node = newNode(net, 'off');
        await node.start();
        assert.throws(() => node.monitorUrl);
        assert.deepEqual(listening(node.child.pid), [node.port]);
        await node.stop();
    });

    scenario('the flag goes before the file, IPv6 too', holder, async (net) => {
        const node = newNode(net, 'off');
        await node.start({ args: ['--metrics-addr', '[::1]:0'] });
        const [, port] = node.child.log().match(/monitor_listens .*address=::1 port=(\d+)/);
        assert.deepEqual(listening(node.child.pid), [node.port, Number(port)].sort((a, b) => a - b));
        assert.equal(await (await fetch(`http://[::1]:${port}/livez`)).text(), 'ok\n');
        await node.stop();
    });
});
