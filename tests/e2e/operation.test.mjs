// What an operator does with a node that runs: who may configure it, changes of its settings, the service manager.
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { after, describe } from 'node:test';
import { Wallet, getBytes, hexlify } from 'ethers';
import { executorBinary } from '../../devnet/lib/paths.mjs';
import { freePort, waitFor } from '../../devnet/lib/proc.mjs';
import { seal } from '../support/ecies.mjs';
import { assert, scenario, stopCleanly, useDevnet } from './harness.mjs';

const DOMAIN = { name: 'marlin.oyster.Executor', version: '1' };
const TYPES = {
    ConfigureGasKey: [
        { name: 'enclave', type: 'address' },
        { name: 'gasAddress', type: 'address' },
        { name: 'signTimestamp', type: 'uint256' },
    ],
};

const is = (answer, status, text) => assert.deepEqual(answer, { status, text });
const DONE = 'Mutable params configured!\n';

// A gas key as the node's public key alone can open it.
async function encrypted(node, gasKey) {
    const { enclave_public_key: receiver } = await node.details();
    const message = { ephemeralSecret: hexlify(randomBytes(32)), nonce: randomBytes(24) };
    return hexlify(seal(getBytes(gasKey), getBytes(receiver), message));
}

// The owner's word for a gas key at a time (seconds).
async function word(owner, node, gasKey, signTimestamp) {
    const message = { enclave: node.address, gasAddress: new Wallet(gasKey).address, signTimestamp };
    return { sign_timestamp: signTimestamp, signature: await owner.signTypedData(DOMAIN, TYPES, message) };
}

describe('who may configure a node', () => {
    const owner = Wallet.createRandom();
    const first = Wallet.createRandom().privateKey;
    const second = Wallet.createRandom().privateKey;
    const holder = useDevnet({ generation: 2 }, async (net, self) => {
        self.open = net.newNode({ name: 'open' });
        self.owned = net.newNode({ name: 'owned', config: { config_auth: 'owner', owner: owner.address } });
        await Promise.all([self.open.start(), self.owned.start()]);
    });
    const now = async (net) => (await net.chain.provider.getBlock('latest')).timestamp;
    const gasAddress = async (node) => (await node.details()).gas_address;

    scenario('an encrypted gas key is read, one for another node is not', holder, async () => {
        const node = holder.open;
        const sealed = await encrypted(node, first);
        is(await node.post('/mutable-config', { gas_key_encrypted_hex: sealed }), 200, DONE);
        assert.equal(await gasAddress(node), new Wallet(first).address.toLowerCase());
        is(
            await holder.owned.post('/mutable-config', { gas_key_encrypted_hex: sealed }),
            400,
            'Invalid encrypted gas key provided: sealed data is damaged or was made for another key\n',
        );
    });

    scenario('the owner of the configuration is set from the start', holder, async () => {
        const other = { owner_address_hex: Wallet.createRandom().address };
        is(await holder.owned.post('/immutable-config', other), 400, 'Immutable params already configured!\n');
        assert.equal((await holder.owned.details()).owner_address, owner.address.toLowerCase());
    });

    scenario('a gas key needs the owner, now, once', holder, async (net) => {
        const node = holder.owned;
        const at = await now(net);
        const put = async (signer, time, gasKey = first) =>
            node.post('/mutable-config', { gas_key_hex: gasKey, ...(await word(signer, node, gasKey, time)) });
        const refused = (answer, why) => {
            assert.equal(answer.status, 403, answer.text);
            assert.ok(answer.text.includes(why), answer.text);
        };
        refused(await node.post('/mutable-config', { gas_key_hex: first }), 'is missing');
        refused(await put(Wallet.createRandom(), at), `expected the owner ${owner.address}`);
        refused(await put(owner, at - 400), 'over 300 seconds before');
        refused(await put(owner, at + 1000), 'over 60 seconds ahead');
        is(await put(owner, at), 200, DONE);
        refused(await put(owner, at), 'not after the last accepted one');
        const body = { gas_key_encrypted_hex: await encrypted(node, second), ...(await word(owner, node, second, at + 2)) };
        is(await node.post('/mutable-config', body), 200, DONE);
        assert.equal(await gasAddress(node), new Wallet(second).address.toLowerCase());
        await stopCleanly(node);
        await node.start();
        refused(await node.post('/mutable-config', body), 'not after the last accepted one');
        refused(await put(owner, at + 1, first), 'not after the last accepted one');
    });
});

// The service manager's end of the socket: a line of JSON for each datagram.
const LISTENER = `
import json, select, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("[]", flush=True)
while sys.stdin not in select.select([s, sys.stdin], [], [])[0]:  # it ends with us
    print(json.dumps(s.recv(4096).decode().split("\\n")[:-1]), flush=True)
`;

async function listen(path) {
    const child = spawn('python3', ['-c', LISTENER, path], { stdio: ['pipe', 'pipe', 'inherit'] });
    const heard = [];
    let rest = '';
    child.stdout.on('data', (chunk) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop();
        heard.push(...lines.map((line) => JSON.parse(line)));
    });
    await waitFor('the listener', () => heard.length > 0);
    return { heard, stop: () => child.stdin.end() };
}

describe('a node that runs', () => {
    const holder = useDevnet({ generation: 2 }, async (net, self) => {
        self.node = net.newNode({ name: 'running', config: { api_rate_limit: 5 } });
        self.socket = join(self.node.dir, 'notify');
        self.manager = await listen(self.socket);
        Object.assign(process.env, { NOTIFY_SOCKET: self.socket, WATCHDOG_USEC: '200000' });
        try {
            await self.node.start();
        } finally {
            delete process.env.NOTIFY_SOCKET;
            delete process.env.WATCHDOG_USEC;
        }
    });
    const heard = () => holder.manager.heard.flat();
    const log = () => holder.node.child.log();

    scenario('the service manager hears of it', holder, async () => {
        await waitFor('READY', () => heard().includes('READY=1'));
        await waitFor('signs of life', () => heard().filter((line) => line === 'WATCHDOG=1').length > 3);
        const status = await waitFor('a status', () => heard().find((line) => line.startsWith('STATUS=')));
        assert.match(status, /^STATUS=waiting for /);
    });

    scenario('too many requests are refused for a while', holder, async () => {
        const answers = await Promise.all(Array.from({ length: 40 }, () => fetch(`${holder.node.url}/`)));
        const refused = answers.filter((answer) => answer.status === 429);
        assert.ok(refused.length > 0 && refused.length < 40, `${refused.length} of 40`);
        assert.equal(refused[0].headers.get('retry-after'), '1');
        assert.equal(await refused[0].text(), 'Too many requests, try again in 1 s\n');
        await waitFor('the next one to be taken', async () => (await fetch(`${holder.node.url}/`)).ok);
    });

    scenario('SIGHUP takes what may change and names what may not', holder, async () => {
        const { node } = holder;
        Object.assign(node.config, { log_level: 'debug', api_rate_limit: 0, job_capacity: 7 });
        node.writeConfig();
        node.child.process.kill('SIGHUP');
        await waitFor('the new settings', () => log().includes('event=config_reloaded changes=3'));
        assert.match(log(), /event=config_changed key=log_level/);
        assert.match(log(), /level=warn event=config_needs_restart key=job_capacity/);
        const many = await Promise.all(Array.from({ length: 60 }, () => fetch(`${node.url}/`)));
        assert.ok(many.every((answer) => answer.ok));
        assert.match(log(), /level=debug event=api_request/);
        await waitFor('READY after the reload', () => {
            const at = heard().findIndex((line) => line === 'RELOADING=1');
            return at >= 0 && /^MONOTONIC_USEC=\d+$/.test(heard()[at + 1]) && heard().indexOf('READY=1', at) > at;
        });
    });

    scenario('a broken file changes nothing', holder, async () => {
        const { node } = holder;
        const whole = { ...node.config };
        Object.assign(node.config, { log_level: 'info', callback_gas: 'lots' });
        node.writeConfig();
        node.child.process.kill('SIGHUP');
        await waitFor('the refusal', () => log().includes('event=config_not_reloaded'));
        assert.match(log(), /config_not_reloaded error=".*key callback_gas: found \\"lots\\"/);
        const before = log().length;
        await node.get('/');
        await waitFor('a line of level debug', () => log().slice(before).includes('level=debug event=api_request'));
        node.config = whole;
        node.writeConfig();
    });

    scenario('its end is announced', holder, async () => {
        await stopCleanly(holder.node);
        await waitFor('STOPPING', () => heard().includes('STOPPING=1'));
    });

    after(() => holder.manager?.stop());
});

describe('the health check of a container', () => {
    const holder = useDevnet({ generation: 2 });

    scenario('asks the node that runs, by its own settings', holder, async (net) => {
        const metrics_addr = `127.0.0.1:${await freePort()}`;
        const node = net.newNode({ name: 'healthy', config: { metrics_addr } });
        const check = (...args) =>
            new Promise((resolve) => {
                execFile(executorBinary(), ['--health-check', '--config-file', node.configFile, ...args], (error, _, stderr) =>
                    resolve({ code: error?.code ?? 0, stderr }));
            });
        await node.start();
        assert.deepEqual(await check(), { code: 0, stderr: '' });
        const off = await check('--metrics-addr', 'off');
        assert.ok(off.code === 1 && off.stderr.includes('nobody to ask'), off.stderr);
        await stopCleanly(node);
        const gone = await check();
        assert.ok(gone.code === 1 && gone.stderr.includes(metrics_addr), gone.stderr);
    });
});
