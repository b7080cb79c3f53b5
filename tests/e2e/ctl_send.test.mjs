// oysterctl's transactions where the chain makes it hard: one that no block takes is replaced with a higher fee, and one
// that was taken without a word is not sent again.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'node:test';
import { DESTROY, FaultProxy } from '../fault/proxy.mjs';
import { EXIT, keyFile, oysterctlJson } from './ctl.mjs';
import { assert, scenario, sleep, useDevnet, waitFor } from './harness.mjs';

const CODE = 'export default { async fetch() { return new Response("hello"); } };\n';

describe('oysterctl sends', () => {
    const holder = useDevnet({ generation: 2 }, async (net, h) => {
        h.file = join(net.dir, 'code.js');
        writeFileSync(h.file, CODE);
        h.author = ['--key-file', keyFile(net.dir, 'author', net.author), '--yes'];
        h.node = net.newNode(); // for its config file alone
        h.node.writeConfig();
    });
    const rpc = (net, method, ...params) => net.chain.provider.send(method, params);
    const deploy = (config, ...args) =>
        oysterctlJson(['code', 'deploy', holder.file, '--config-file', config, ...holder.author, ...args]);

    // What the pool holds of the author: [{hash, maxFeePerGas}].
    async function pooled(net) {
        const { pending } = await rpc(net, 'txpool_content');
        const own = Object.entries(pending).find(([who]) => who.toLowerCase() === net.author.address.toLowerCase());
        return Object.values(own?.[1] ?? {});
    }

    // Deploys while blocks come only when told. The first of them asks for more than the transaction offers, and the pool
    // of this chain lets go of what no block can take.
    async function deployInRush(net, ...args) {
        await rpc(net, 'evm_setIntervalMining', 0);
        const nonce = await net.author.getNonce('latest');
        const deployed = deploy(holder.node.configFile, ...args);
        await waitFor('the transaction', async () => (await pooled(net)).length === 1);
        const [first] = await pooled(net);
        const wanted = (BigInt(first.maxFeePerGas) * 6n) / 5n;
        await rpc(net, 'anvil_setNextBlockBaseFeePerGas', `0x${wanted.toString(16)}`);
        await rpc(net, 'evm_mine');
        assert.equal(await net.author.getNonce('latest'), nonce, 'the block did not take it');
        return { deployed, first };
    }

    scenario('what no block takes again, with a higher fee and no more than was agreed to', holder, async (net) => {
        const nonce = await net.author.getNonce('latest');
        const { deployed, first } = await deployInRush(net, '--replace-after', '1s');
        await waitFor('the replacement', async () => (await pooled(net)).some((tx) => tx.hash !== first.hash));
        const [second] = await pooled(net);
        assert.ok(BigInt(second.maxFeePerGas) <= 2n * BigInt(first.maxFeePerGas));
        await rpc(net, 'evm_mine');
        const { code, result, stderr } = await deployed;
        await rpc(net, 'evm_setAutomine', true);
        assert.equal(code, EXIT.ok, stderr);
        const [tx] = result.transactions;
        assert.equal(tx.status, 'included');
        assert.notEqual(tx.hash, first.hash);
        assert.ok(tx.replaced >= 1);
        assert.equal(result.code, tx.hash, 'code is known by the transaction that was included');
        assert.equal(await net.author.getNonce('latest'), nonce + 1);
    });

    scenario('nothing again where that is not wanted', holder, async (net) => {
        const { deployed } = await deployInRush(net, '--replace-after', '0', '--send-timeout', '3s');
        const { code, result } = await deployed;
        assert.equal(code, EXIT.timeout);
        assert.equal(result.transactions[0].status, 'pending');
        assert.equal(result.transactions[0].replaced, 0);
        assert.deepEqual(await pooled(net), []);
        await rpc(net, 'evm_setAutomine', true);
    });

    scenario('once what an endpoint took without a word', holder, async (net) => {
        const proxies = await Promise.all([FaultProxy.start(net.chain), FaultProxy.start(net.chain)]);
        // The first is asked until it breaks off; the second is known by then, and says that the nonce is used up.
        const asked = [];
        proxies[0].fault.http = async (call, forward, reply) => {
            const { text } = await forward();
            if (call.method === 'eth_sendRawTransaction') return DESTROY;
            await sleep(call.method === 'eth_chainId' ? 0 : 50);
            return reply(text);
        };
        proxies[1].fault.http = async (call, forward, reply) => {
            asked.push(call.method);
            await sleep({ eth_chainId: 40, eth_blockNumber: 1000 }[call.method] ?? 0);
            return reply((await forward()).text);
        };
        const config = join(net.dir, 'two.json');
        writeFileSync(config, JSON.stringify({ ...holder.node.config, http_rpc_url: proxies.map((p) => p.httpUrl) }));
        const nonce = await net.author.getNonce('latest');
        const { code, result, stderr } = await deploy(config);
        await Promise.all(proxies.map((p) => p.stop()));
        assert.equal(code, EXIT.ok, stderr);
        assert.ok(asked.includes('eth_sendRawTransaction'), 'the second was asked too');
        assert.equal(result.transactions[0].status, 'included');
        assert.equal(await net.author.getNonce('latest'), nonce + 1);
    });
});
