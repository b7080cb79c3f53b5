// A node whose endpoint misbehaves in every way of cases.mjs: each job is answered exactly once, and the node is as it was.
import { readdirSync } from 'node:fs';
import { describe, after, before, test } from 'node:test';
import { Devnet, assert, showLogs, stopCleanly } from '../e2e/harness.mjs';
import { CASES } from './cases.mjs';
import { answeredOnce, assertOneEach, startNode } from './harness.mjs';
import { FaultProxy } from './proxy.mjs';

const descriptors = (node) => readdirSync(`/proc/${node.child.pid}/fd`).length;

describe('faults of one endpoint', () => {
    let net, proxy, node, idle;
    const jobs = [];
    before(async () => {
        net = await Devnet.start({ generation: 2 });
        proxy = await FaultProxy.start(net.chain);
        node = await startNode(net, [proxy]);
        await answeredOnce(net, 'to begin with', { deadline: 10_000 });
        idle = descriptors(node);
    });
    after(async () => {
        await stopCleanly(node);
        await proxy.stop();
        await net.stop();
    });

    for (const { name, fault, before: prepare, forMs, deadline } of CASES)
        test(name, { timeout: 90_000 }, async () => {
            try {
                proxy.fault = fault(proxy);
                await prepare?.(proxy);
                const timer = forMs && setTimeout(() => (proxy.fault = {}), forMs);
                jobs.push(await answeredOnce(net, name, { deadline }));
                clearTimeout(timer);
                proxy.fault = {};
                jobs.push(await answeredOnce(net, `after: ${name}`, { deadline: 15_000 }));
            } catch (e) {
                showLogs(net);
                throw e;
            } finally {
                proxy.fault = {};
            }
        });

    test('no job has two answers, no descriptor is lost', async () => {
        await assertOneEach(net, jobs);
        assert.ok(jobs.length >= 80, `${jobs.length} jobs`);
        const now = descriptors(node);
        assert.ok(now <= idle + 12, `${idle} descriptors before, ${now} after`);
    });
});
