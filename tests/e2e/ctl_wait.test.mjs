// oysterctl wait where the chain's endpoint fails for a while, or for good: the wait goes on until its time is over.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe } from 'node:test';
import { DESTROY, FaultProxy } from '../fault/proxy.mjs';
import { EXIT, oysterctl, oysterctlJson } from './ctl.mjs';
import { assert, scenario, useDevnet } from './harness.mjs';

const NOBODY = `0x${'11'.repeat(20)}`;
const WARNINGS = /^oysterctl: warning: .*: trying again$/gm;

describe('oysterctl waits', () => {
    const holder = useDevnet({ generation: 2 }, async (net, h) => {
        const node = net.newNode(); // for its config alone
        node.writeConfig();
        h.proxy = await FaultProxy.start(net.chain);
        h.config = join(net.dir, 'wait.json');
        writeFileSync(h.config, JSON.stringify({ ...node.config, http_rpc_url: [h.proxy.httpUrl] }));
    });
    after(() => holder.proxy?.stop());
    const wait = (...args) => ['wait', '--config-file', holder.config, ...args];
    const deregistered = (...args) => wait('--deregistered', '--enclave', NOBODY, ...args);

    // The first requests of these methods fail. Returns a list of them, which grows.
    function failFirst(times, methods, failure) {
        const asked = [];
        holder.proxy.fault.http = async (call, forward, reply) => {
            if (!methods.includes(call.method) || asked.length === times) return reply((await forward()).text);
            asked.push(call.method);
            return failure(call, reply);
        };
        return asked;
    }
    const cut = () => DESTROY;
    const refuse = (call, reply) =>
        reply(JSON.stringify({ jsonrpc: '2.0', id: call.id, error: { code: -32005, message: 'rate limit exceeded' } }));

    for (const [name, failure] of Object.entries({ cut, refuse })) {
        scenario(`over requests that fail (${name})`, holder, async () => {
            const asked = failFirst(3, ['eth_call'], failure);
            const { code, result, stderr } = await oysterctlJson(deregistered('--timeout', '30s'));
            assert.equal(code, EXIT.ok, stderr);
            assert.equal(asked.length, 3);
            assert.equal(result.deregistered, true);
            assert.equal(stderr.match(WARNINGS).length, 1, stderr);
        });

        scenario(`for a job as well (${name})`, holder, async () => {
            failFirst(3, ['eth_getLogs'], failure);
            const { code, stderr } = await oysterctl(wait('--job', '77', '--timeout', '3s'));
            assert.equal(code, EXIT.timeout, stderr);
            assert.match(stderr, /job 77 has 0 of 1 answers after [34] s$/m);
            assert.equal(stderr.match(WARNINGS).length, 1, stderr);
        });

        scenario(`until its time is over (${name})`, holder, async () => {
            failFirst(Infinity, ['eth_call'], failure);
            const { code, stderr } = await oysterctl(deregistered('--timeout', '2s'));
            assert.equal(code, EXIT.timeout);
            assert.match(stderr, /nothing was learnt after \d s: .*eth_call/);
        });
    }

    scenario('and a refusal is not taken for contracts of generation 1', holder, async () => {
        failFirst(1, ['eth_call'], refuse);
        const { code, result, stderr } = await oysterctlJson(['status', '--config-file', holder.config, '--enclave', NOBODY]);
        assert.notEqual(result.chain?.generation, 1);
        assert.ok(code !== EXIT.ok && `${stderr}${JSON.stringify(result)}`.includes('rate limit exceeded'), stderr);
    });

    scenario('not at all where the command line is at fault', holder, async () => {
        const { code, stderr } = await oysterctl(['wait', '--deregistered', '--enclave', NOBODY]);
        assert.equal(code, EXIT.usage, stderr);
    });
});
