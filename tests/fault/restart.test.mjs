// What a node knows after it was ended, by kill -9 or in order, and started again: its owner, its gas key (or not), its
// jobs; and what it does when its ledger is another's, damaged or gone, or when the chain cannot be reached.
import { createServer, connect } from 'node:net';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe } from 'node:test';
import { SigningKey, computeAddress, getBytes, hexlify, randomBytes } from 'ethers';
import { answersTo } from '../../devnet/lib/jobs.mjs';
import {
    GENERATIONS,
    assert,
    createJob,
    runJob,
    saveCode,
    scenario,
    sleep,
    stopCleanly,
    textOf,
    useDevnet,
    waitAnswer,
    waitFor,
} from '../e2e/harness.mjs';
import { transactionsOf } from './crash.mjs';

const HELLO = 'export default { async fetch() { return new Response("hello"); } };';
const SLOW = `export default {
    async fetch() { await new Promise((r) => setTimeout(r, 1500)); return new Response("slow"); },
};`;
const ledgerOf = (node) => join(dirname(node.configFile), 'ledger.db');
const setAside = (node) =>
    readdirSync(dirname(node.configFile)).filter((name) => /^ledger\.db\.set-aside-\d+$/.test(name));
const logged = (node, event) => node.child.log().includes(`event=${event} `);

async function startWith(net, { config } = {}) {
    const node = net.newNode({ config });
    node.config.ledger_file = ledgerOf(node);
    node.writeConfig();
    await node.start();
    await net.configure(node);
    await net.register(node);
    return node;
}

async function killAndStart(node) {
    await node.stop('SIGKILL');
    await node.start();
}

// n jobs were answered, each by one transaction of the node's account, and at most mayRevert more were refused.
async function assertOneEach(net, node, n, mayRevert = 0) {
    const submits = (await transactionsOf(net, node.gas.address)).filter((tx) => tx.jobId !== null);
    const answers = submits.filter((tx) => tx.ok);
    assert.ok(submits.length - answers.length <= mayRevert, `${submits.length - answers.length} answers reverted`);
    assert.equal(new Set(answers.map((tx) => tx.jobId)).size, answers.length, 'one answer a job');
    assert.equal(answers.length, n);
}

// A way to the chain that can be shut and opened again: connections are refused while it is shut.
class Door {
    static async to(port) {
        const door = new Door();
        door.target = port;
        await door.open();
        return door;
    }

    open() {
        this.sockets = new Set();
        this.server = createServer((from) => {
            const to = connect(this.target, '127.0.0.1');
            for (const [a, b] of [[from, to], [to, from]]) {
                this.sockets.add(a);
                a.on('error', () => b.destroy()).on('close', () => b.destroy()).pipe(b);
            }
        });
        this.server.unref(); // when a test fails and nobody shuts it
        return new Promise((resolve) => {
            this.server.listen(this.port ?? 0, '127.0.0.1', () => resolve((this.port = this.server.address().port)));
        });
    }

    shut() {
        for (const socket of this.sockets) socket.destroy();
        return new Promise((resolve) => this.server.close(resolve));
    }
}

describe('a node that was killed', () => {
    for (const ledger_sync of ['normal', 'full']) {
        const holder = useDevnet({ generation: 2 }, (net) => startWith(net, { config: { ledger_sync } }));
        scenario(`goes to work by itself, ledger_sync ${ledger_sync}`, holder, async (net) => {
            const [node] = net.nodes;
            const before = await node.details();
            assert.equal((await runJob(net, HELLO)).text, 'hello');
            await killAndStart(node);
            const owner = { owner_address_hex: net.owner.address };
            assert.equal((await node.post('/immutable-config', owner)).status, 400);
            assert.equal((await runJob(net, HELLO)).text, 'hello');
            assert.deepEqual(await node.details(), before);
            await assertOneEach(net, node, 2);
        });
    }
});

describe('a node that does not keep its gas key', () => {
    const holder = useDevnet({ generation: 2 }, (net) => startWith(net, { config: { persist_gas_key: false } }));
    scenario('waits for it, and then goes on with its jobs', holder, async (net) => {
        const [node] = net.nodes;
        const codehash = await saveCode(net.contracts, net.author, SLOW);
        const job = await createJob(net.contracts, { codehash, deadline: 8000 });
        await waitFor('the job to begin', () => logged(node, 'job_received'));
        await killAndStart(node);
        await sleep(1000);
        assert.equal((await node.post('/immutable-config', { owner_address_hex: net.owner.address })).status, 400);
        assert.deepEqual(await answersTo(net.contracts, job.id), []);
        const stored = readFileSync(ledgerOf(node)).includes(getBytes(node.gas.privateKey));
        assert.equal(stored, false, 'the key is not in the ledger');
        await node.setGasKey(node.gas);
        const answer = await waitAnswer(net.contracts, job.id);
        assert.equal(textOf(answer.output), 'slow');
        await assertOneEach(net, node, 1);
    });
});

describe('the gas key in the ledger', () => {
    const holder = useDevnet({ generation: 2 }, startWith);
    scenario('is sealed', holder, async (net) => {
        const [node] = net.nodes;
        await stopCleanly(node);
        const bytes = readFileSync(ledgerOf(node));
        assert.ok(bytes.includes(getBytes(net.owner.address)), 'the owner is there to read');
        assert.equal(bytes.includes(getBytes(node.gas.privateKey)), false);
    });
});

describe('the ledger of another enclave key', () => {
    const holder = useDevnet({ generation: 2 }, startWith);
    scenario('is set aside', holder, async (net) => {
        const [node] = net.nodes;
        await stopCleanly(node);
        node.key = new SigningKey(hexlify(randomBytes(32)));
        node.address = computeAddress(node.key);
        writeFileSync(node.config.enclave_signer_file, getBytes(node.key.privateKey));
        await node.start();
        assert.equal(setAside(node).length, 1);
        await node.setOwner(net.owner.address); // the one before is forgotten
        await node.setGasKey(node.gas);
        await net.register(node);
        const codehash = await saveCode(net.contracts, net.author, HELLO);
        const ours = async () => {
            const job = await createJob(net.contracts, { codehash });
            return job.selected.includes(node.address) && job;
        };
        const job = await waitFor('a job for the new key', ours, { everyMs: 1 });
        assert.equal(textOf((await waitAnswer(net.contracts, job.id)).output), 'hello');
    });
});

for (const generation of GENERATIONS) {
    const spoil = {
        damaged: (file) => writeFileSync(file, Buffer.alloc(20_000, 'junk')),
        gone: (file) => rmSync(file),
    };
    for (const [what, how] of Object.entries(spoil)) {
        describe(`a ledger that is ${what}, generation ${generation}`, () => {
            const contracts = { executionBufferTime: 15 };
            const holder = useDevnet({ generation, contracts }, startWith);
            scenario('is made anew from the chain', holder, async (net) => {
                const [node] = net.nodes;
                const codehash = await saveCode(net.contracts, net.author, SLOW);
                const deadline = 8000;
                await waitAnswer(net.contracts, (await createJob(net.contracts, { codehash, deadline })).id);
                await node.stop('SIGKILL');
                const missed = await createJob(net.contracts, { codehash, deadline });
                for (const suffix of ['-wal', '-shm']) rmSync(ledgerOf(node) + suffix, { force: true });
                how(ledgerOf(node));
                await node.start();
                assert.equal(setAside(node).length, what === 'damaged' ? 1 : 0);
                await node.setOwner(net.owner.address);
                await node.setGasKey(node.gas);
                assert.equal(textOf((await waitAnswer(net.contracts, missed.id)).output), 'slow');
                await sleep(3000);
                // The events of generation 1 do not say who answered: without a ledger it tries again, and is refused.
                await assertOneEach(net, node, 2, generation === 1 ? 1 : 0);
            });
        });
    }
}

describe('a chain that cannot be reached at the start', () => {
    const holder = useDevnet({ generation: 2, contracts: { executionBufferTime: 15 } }, async (net, all) => {
        all.door = await Door.to(net.chain.port);
        const url = `127.0.0.1:${all.door.port}`;
        await startWith(net, { config: { http_rpc_url: `http://${url}`, web_socket_url: `ws://${url}` } });
    });
    scenario('costs the node no gas key, also when another comes that cannot be taken', holder, async (net) => {
        const [node] = net.nodes;
        const before = await node.details();
        await holder.door.shut();
        await killAndStart(node);
        const refused = await node.post('/mutable-config', { gas_key_hex: net.newGasAccount().privateKey });
        assert.equal(refused.status, 500, refused.text);
        await holder.door.open();
        assert.equal((await runJob(net, HELLO, { deadline: 8000 })).text, 'hello');
        assert.deepEqual(await node.details(), before);
    });
    scenario('is waited for', holder, async (net) => {
        const [node] = net.nodes;
        const codehash = await saveCode(net.contracts, net.author, SLOW);
        const begun = await createJob(net.contracts, { codehash, deadline: 8000 });
        await waitFor('the job to begin', () => logged(node, 'job_received'));
        await holder.door.shut();
        const missed = await createJob(net.contracts, { codehash, deadline: 8000 });
        await killAndStart(node);
        await sleep(3000);
        assert.ok(node.child.running);
        assert.deepEqual(await answersTo(net.contracts, begun.id), []);
        await holder.door.open();
        for (const job of [begun, missed])
            assert.equal(textOf((await waitAnswer(net.contracts, job.id)).output), 'slow');
        await assertOneEach(net, node, 3);
        await stopCleanly(node);
        await holder.door.shut();
    });
});

describe('a node that is stopped in order', () => {
    const holder = useDevnet({ generation: 2, contracts: { executionBufferTime: 15 } }, startWith);
    scenario('leaves to its next life what came while it drained', holder, async (net) => {
        const [node] = net.nodes;
        const codehash = await saveCode(net.contracts, net.author, SLOW);
        const held = await createJob(net.contracts, { codehash, deadline: 8000 });
        await waitFor('the job to begin', () => logged(node, 'job_received'));
        node.child.process.kill('SIGTERM');
        await waitFor('the drain', () => logged(node, 'draining'));
        const late = await createJob(net.contracts, { codehash, deadline: 8000 });
        await net.chain.provider.send('anvil_mine', [40, 0]); // far more than are read again anyway
        await waitFor('its end', () => !node.child.running, { timeoutMs: 45_000 });
        assert.equal((await answersTo(net.contracts, held.id)).length, 1);
        assert.equal((await answersTo(net.contracts, late.id)).length, 0);
        await node.start();
        assert.equal(textOf((await waitAnswer(net.contracts, late.id)).output), 'slow');
        await assertOneEach(net, node, 2);
    });
});
