// The HTTP API, answer by answer.
import { request } from 'node:http';
import { connect } from 'node:net';
import { describe } from 'node:test';
import { SigningKey, TypedDataEncoder, computeAddress, recoverAddress } from 'ethers';
import { GENERATIONS, assert, scenario, useDevnet } from './harness.mjs';

const OWNER = '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266';
const GAS_KEY = '0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6';
const GAS_ADDRESS = '0x90f79bf6eb2c4f870365e785982e1f101e93b906';
const ZERO = `0x${'00'.repeat(20)}`;
const ORDER = '0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141';

const is = (answer, status, text) => assert.deepEqual(answer, { status, text });
function begins(answer, status, text) {
    assert.equal(answer.status, status, answer.text);
    assert.ok(answer.text.startsWith(text), answer.text);
}
const clientError = ({ status, text }) => {
    assert.ok(status >= 400 && status < 500, `${status} ${text}`);
    assert.ok(text.trim().length > 0, 'says why');
};

// One request with a method that fetch() would not send.
function raw(node, method, path) {
    return new Promise((resolve, reject) => {
        request({ host: '127.0.0.1', port: node.port, method, path }, (response) => {
            let text = '';
            response.on('data', (chunk) => (text += chunk));
            response.on('end', () => resolve({ status: response.statusCode, text }));
        })
            .on('error', reject)
            .end();
    });
}

for (const generation of GENERATIONS) {
    describe(`HTTP API on generation ${generation}`, () => {
        // In order: what one test configures, the next one finds.
        const net = useDevnet({ generation }, async (net, holder) => {
            holder.node = net.newNode({ config: { nsm_device: undefined } });
            await holder.node.start();
        });
        const node = () => net.node;
        const owner = (value) => node().post('/immutable-config', { owner_address_hex: value });
        const gas = (value) => node().post('/mutable-config', { gas_key_hex: value });

        scenario('GET / is 200 and empty', net, async () => is(await node().get('/'), 200, ''));

        scenario('details before configuration', net, async () => {
            assert.deepEqual(await node().details(), {
                enclave_address: node().address.toLowerCase(),
                enclave_public_key: `0x${node().key.publicKey.slice(4)}`,
                owner_address: ZERO,
                gas_address: ZERO,
            });
        });

        scenario('the registration message needs the owner first, then the gas key', net, async () => {
            is(await node().get('/signed-registration-message'), 400, 'Immutable params not configured yet!\n');
        });

        scenario('there is no attestation outside an enclave', net, async () => {
            const text =
                'Failed to get an attestation document: attestation: no Nitro Secure Module here ' +
                '(/dev/nsm: No such file or directory)\n';
            is(await node().get('/attestation/raw'), 503, text);
            is(await node().get('/attestation/hex?nonce=00'), 503, text);
            is(await node().get('/attestation/raw?nonce=0'), 400, 'Invalid nonce: found 1 hex digits, expected an even number\n');
        });

        scenario('a bad owner address is refused, each in its way', net, async () => {
            is(await owner('0x123'), 400, 'Invalid owner address hex string: OddLength\n');
            is(
                await owner('0xf39fdGe51aad88f6f4ce6ab8827279cfffb92266'),
                400,
                "Invalid owner address hex string: InvalidHexCharacter { c: 'G', index: 5 }\n",
            );
            is(await owner('0x1234'), 400, 'Owner address must be 20 bytes long!\n');
            is(await owner(''), 400, 'Owner address must be 20 bytes long!\n');
            is(await owner(`${OWNER}00`), 400, 'Owner address must be 20 bytes long!\n');
            assert.equal((await node().details()).owner_address, ZERO);
        });

        scenario('the owner is set once, 0x or not', net, async () => {
            is(await owner(OWNER.slice(2)), 200, 'Immutable params configured!\n');
            is(await owner(OWNER), 400, 'Immutable params already configured!\n');
            is(await owner(ZERO), 400, 'Immutable params already configured!\n');
            assert.equal((await node().details()).owner_address, OWNER);
            is(await node().get('/signed-registration-message'), 400, 'Mutable params not configured yet!\n');
        });

        scenario('a bad gas key is refused, each in its way', net, async () => {
            is(await gas('0x123'), 400, 'Invalid gas private key hex string: OddLength\n');
            is(
                await gas(`0x${'ab'.repeat(31)}zz`),
                400,
                "Invalid gas private key hex string: InvalidHexCharacter { c: 'z', index: 62 }\n",
            );
            is(await gas('0x1234'), 400, 'Gas private key must be 32 bytes long!\n');
            begins(await gas(`0x${'00'.repeat(32)}`), 400, 'Invalid gas private key provided: ');
            begins(await gas(ORDER), 400, 'Invalid gas private key provided: ');
            assert.equal((await node().details()).gas_address, ZERO);
        });

        scenario('the gas key may be set again and again', net, async () => {
            is(await gas(GAS_KEY), 200, 'Mutable params configured!\n');
            assert.equal((await node().details()).gas_address, GAS_ADDRESS);
            const other = new SigningKey(`0x${'42'.repeat(32)}`);
            is(await gas(other.privateKey.slice(2)), 200, 'Mutable params configured!\n');
            assert.equal((await node().details()).gas_address, computeAddress(other).toLowerCase());
        });

        scenario('the registration message is signed by the enclave', net, async () => {
            const before = Math.floor(Date.now() / 1000);
            const message = await node().registrationMessage();
            const keys = ['job_capacity', 'owner', 'sign_timestamp', 'signature'];
            assert.deepEqual(Object.keys(message).sort(), (generation === 1 ? keys : ['env', ...keys]).sort());
            assert.equal(message.job_capacity, 20);
            assert.equal(message.owner.toLowerCase(), OWNER);
            assert.ok(Math.abs(message.sign_timestamp - before) <= 5);
            assert.match(message.signature, generation === 1 ? /^[0-9a-f]{130}$/ : /^0x[0-9a-f]{130}$/);
            if (generation === 2) assert.equal(message.env, 1);
            const types = ['address owner', 'uint256 jobCapacity', 'uint8 env', 'uint256 signTimestamp']
                .filter((t) => generation === 2 || !t.endsWith('env'))
                .map((t) => ({ type: t.split(' ')[0], name: t.split(' ')[1] }));
            const value = {
                owner: OWNER,
                jobCapacity: message.job_capacity,
                signTimestamp: message.sign_timestamp,
                ...(generation === 2 && { env: 1 }),
            };
            const domain = { name: 'marlin.oyster.Executors', version: '1' };
            const digest = TypedDataEncoder.hash(domain, { Register: types }, value);
            const signature = generation === 1 ? `0x${message.signature}` : message.signature;
            assert.equal(recoverAddress(digest, signature), node().address);
        });

        scenario('what is not a request of ours gets a 4xx and a reason', net, async () => {
            clientError(await node().get('/nothing-here'));
            clientError(await raw(node(), 'DELETE', '/'));
            clientError(await raw(node(), 'GET', '/mutable-config'));
            clientError(await raw(node(), 'POST', '/executor-details'));
            clientError(await node().post('/mutable-config', '{"gas_key_hex": '));
            clientError(await node().post('/mutable-config', ''));
            clientError(await node().post('/mutable-config', '[]'));
            clientError(await node().post('/mutable-config', {}));
            clientError(await gas(7));
            clientError(await gas(null));
            clientError(await node().post('/mutable-config', `{"gas_key_hex": "${'0'.repeat(70_000)}"}`));
            is(await node().get('/'), 200, '');
        });

        scenario('silent and half requests block nobody', net, async () => {
            const sockets = Array.from({ length: 20 }, () => connect(node().port, '127.0.0.1').on('error', () => {}));
            const half = 'POST /mutable-config HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"gas';
            for (const s of sockets.slice(1)) s.write(half);
            is(await node().get('/'), 200, '');
            for (const s of sockets) s.destroy();
            is(await node().get('/'), 200, '');
        });

        scenario('no key is in the log', net, async () => {
            const log = node().child.log().toLowerCase();
            for (const secret of [GAS_KEY, node().key.privateKey]) assert.ok(!log.includes(secret.slice(2, 20)));
        });

        scenario('without an RPC the gas key is not taken', net, async (net) => {
            const before = (await node().details()).gas_address;
            await net.chain.child.stop('SIGKILL');
            const answer = await gas(GAS_KEY);
            begins(answer, 500, 'Failed to fetch current nonce for the gas address: ');
            assert.equal((await node().details()).gas_address, before);
        });
    });
}
