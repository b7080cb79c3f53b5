// What an operator does with a node that runs: who may configure it.
import { randomBytes } from 'node:crypto';
import { describe } from 'node:test';
import { Wallet, getBytes, hexlify } from 'ethers';
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
