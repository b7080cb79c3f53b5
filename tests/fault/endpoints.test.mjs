// A node with two endpoints of which one is dead, silent, late or of another chain: jobs are answered by way of the other.
import { describe, after, before, test } from 'node:test';
import { drain } from '../../devnet/lib/executor.mjs';
import { Devnet, assert, showLogs, sleep, waitFor } from '../e2e/harness.mjs';
import { answeredOnce, startNode } from './harness.mjs';
import { FaultProxy } from './proxy.mjs';

const LATE_MS = 5000;

describe('two endpoints', () => {
    let net;
    before(async () => {
        net = await Devnet.start({ generation: 1 });
    });
    after(() => net.stop());

    const dead = () => ({ http: async () => { throw new Error('dead'); }, upgrade: (socket) => socket.destroy() || true });
    const mute = () => ({ http: async () => new Promise(() => {}), upgrade: () => true });
    const otherChain = () => ({
        http: async (call, forward, reply) =>
            reply(call.method === 'eth_chainId' ? JSON.stringify({ jsonrpc: '2.0', id: call.id, result: '0x1' }) : (await forward()).text),
    });
    const cases = [
        ['the first is dead', async (a) => (a.fault = dead())],
        ['the second is dead', async (a, b) => (b.fault = dead())],
        ['the first dies on the way', async (a) => { await sleep(200); a.fault = dead(); a.cutStreams(); }],
        ['they die in turn', async (a, b) => {
            for (const [one, other] of [[a, b], [b, a], [a, b]]) {
                other.fault = {};
                one.fault = dead();
                one.cutStreams();
                await sleep(700);
            }
        }],
    ];
    // A test of a node of its own behind two endpoints, which are well again at its end.
    const twoEndpoints = (name, run) =>
        test(name, { timeout: 90_000 }, async () => {
            const proxies = [await FaultProxy.start(net.chain), await FaultProxy.start(net.chain)];
            const before = net.nodes.length;
            try {
                await run(...proxies);
            } catch (e) {
                showLogs(net);
                throw e;
            } finally {
                for (const proxy of proxies) proxy.fault = {};
                for (const node of net.nodes.slice(before)) {
                    await node.stop('SIGTERM', 45_000);
                    await drain(net.contracts, net.owner, node.address);
                }
                await Promise.all(proxies.map((proxy) => proxy.stop()));
            }
        });

    for (const [name, during] of cases)
        twoEndpoints(name, async (a, b) => {
            await startNode(net, [a, b]);
            await answeredOnce(net, `${name}, before`, { deadline: 10_000 });
            await answeredOnce(net, name, { deadline: 20_000, whileWaiting: () => during(a, b) });
            await answeredOnce(net, `${name}, after`, { deadline: 20_000 });
        });

    twoEndpoints('another is configured while it runs', async (a, b) => {
        const node = await startNode(net, [a]);
        const reloaded = (n) => node.child.log().split('event=config_reloaded ').length - 1 === n;
        const use = async (n, ...proxies) => {
            node.config.http_rpc_url = proxies.map((p) => p.httpUrl);
            node.config.web_socket_url = proxies.map((p) => p.wsUrl);
            node.writeConfig();
            node.child.process.kill('SIGHUP');
            await waitFor('the new settings', () => reloaded(n));
        };
        await answeredOnce(net, 'by the first', { deadline: 10_000 });
        await answeredOnce(net, 'by either', { deadline: 10_000, whileWaiting: () => use(1, b) });
        a.fault = dead();
        a.cutStreams();
        await answeredOnce(net, 'by the second', { deadline: 10_000 });
        a.fault = {};
        await use(2, b, a);
        b.fault = dead();
        b.cutStreams();
        await answeredOnce(net, 'by the first again', { deadline: 10_000 });
        assert.doesNotMatch(node.child.log(), /config_needs_restart/);
    });

    twoEndpoints('one tells late, whichever it is', async (...proxies) => {
        const node = await startNode(net, proxies);
        const timers = new Set();
        const later = (message, send) => timers.add(setTimeout(send, LATE_MS));
        for (const [i, late] of proxies.entries()) {
            late.fault = { notify: later };
            const from = Date.now();
            const { id } = await answeredOnce(net, `${i} is late`, { deadline: 20_000 });
            const took = Date.now() - from;
            late.fault = {};
            assert.ok(took < LATE_MS, `${took} ms`);
            assert.match(node.child.log(), new RegExp(`job_received job=${id} .*backfilled=false`));
        }
        for (const timer of timers) clearTimeout(timer);
    });

    for (const [name, fault] of [['silent', mute], ['of another chain', otherChain]])
        twoEndpoints(`from the start the first is ${name}`, async (a, b) => {
            a.fault = fault();
            const chain = { chainId: net.chain.chainId, httpUrl: [a.httpUrl, b.httpUrl], wsUrl: [a.wsUrl, b.wsUrl] };
            const node = await net.newNode({ chain }).start();
            await net.configure(node);
            await waitFor('the registration', () => net.register(node).then(() => true, () => false), { timeoutMs: 40_000, everyMs: 500 });
            await answeredOnce(net, name, { deadline: 30_000 });
        });
});
