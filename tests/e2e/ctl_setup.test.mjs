// oysterctl init and configure: from nothing to a node that has what it needs.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'node:test';
import { Wallet, getBytes } from 'ethers';
import { executorBinary, workerdDir } from '../../devnet/lib/paths.mjs';
import { EXIT, ctlBinary, keyFile, oysterctl, oysterctlJson } from './ctl.mjs';
import { assert, existsSync, scenario, useDevnet } from './harness.mjs';

const options = (net) => [
    ...['--rpc-url', net.chain.httpUrl, '--ws-url', net.chain.wsUrl, '--runtime', workerdDir()],
    ...['--jobs-contract', net.contracts.jobs.target, '--code-contract', net.contracts.userCode.target],
];

describe('oysterctl init', () => {
    const holder = useDevnet({ generation: 2, contracts: { executionBufferTime: 7, nodesToSelect: 3 } });
    const pathOf = (name) => join(holder.net.dir, name);

    scenario('writes a configuration that the node takes', holder, async (net) => {
        const path = pathOf('made.json');
        const { code, result, stderr } = await oysterctlJson(['init', '--config-file', path, ...options(net)]);
        assert.equal(code, 0, stderr);
        assert.deepEqual([result.execution_buffer_time, result.num_selected_executors], [7, 3]);
        const config = JSON.parse(readFileSync(path, 'utf8'));
        assert.equal(config.executors_contract_addr, net.contracts.executors.target);
        assert.equal(config.common_chain_id, net.chain.chainId);
        assert.deepEqual([config.execution_buffer_time, config.num_selected_executors], [7, 3]);
        const key = pathOf('enclave.key');
        assert.deepEqual([config.enclave_signer_file, statSync(key).size, statSync(key).mode & 0o777], [key, 32, 0o600]);
        const node = spawnSync(executorBinary(), ['--config-file', path, '--check-config']);
        assert.equal(node.status, 0, node.stderr.toString());
    });

    scenario('overwrites no configuration unless told, and never a key', holder, async (net) => {
        const path = pathOf('made.json');
        const [before, key] = [readFileSync(path, 'utf8'), readFileSync(pathOf('enclave.key'))];
        const refused = await oysterctl(['init', '--config-file', path, ...options(net)]);
        assert.equal(refused.code, EXIT.failed);
        assert.match(refused.stderr, /made\.json: exists already, and is not overwritten unless --force is given\n$/);
        const again = await oysterctlJson(['init', '--config-file', path, '--force', ...options(net)]);
        assert.deepEqual([again.code, again.result.enclave_key_made], [0, false]);
        assert.equal(readFileSync(path, 'utf8'), before);
        assert.deepEqual(readFileSync(pathOf('enclave.key')), key);
    });

    scenario('makes no key when told, writes nothing in a dry run, says what is missing', holder, async (net) => {
        const bare = pathOf('bare.json');
        const args = ['init', '--config-file', bare, '--enclave-key', pathOf('other.key'), ...options(net)];
        assert.equal((await oysterctl([...args, '--dry-run'])).code, 0);
        assert.equal((await oysterctl([...args, '--no-key'])).code, 0);
        assert.deepEqual([existsSync(bare), existsSync(pathOf('other.key'))], [true, false]);
        rmSync(bare);
        const missing = await oysterctl(['init', '--config-file', bare, '--rpc-url', net.chain.httpUrl]);
        assert.deepEqual([missing.code, missing.stderr], [EXIT.usage, 'oysterctl: --jobs-contract is missing\n']);
        const elsewhere = options(net).map((a) => (a === net.contracts.userCode.target ? net.bystander.address : a));
        const nothing = await oysterctl(['init', '--config-file', bare, ...elsewhere]);
        assert.equal(nothing.code, EXIT.failed);
        assert.match(nothing.stderr, /--code-contract: there is no contract at 0x/);
        assert.equal(existsSync(bare), false);
    });

    scenario('asks at a terminal for what is left out', holder, async (net) => {
        const path = pathOf('asked.json');
        const answers = [net.chain.httpUrl, '', net.contracts.jobs.target, net.contracts.userCode.target, workerdDir(), ''];
        const command = `${ctlBinary()} init --config-file ${path} --enclave-key ${pathOf('enclave.key')}`;
        const run = spawnSync('script', ['-qec', command, '/dev/null'], {
            input: answers.map((a) => `${a}\n`).join(''),
            timeout: 60_000,
        });
        const config = JSON.parse(readFileSync(path, 'utf8'));
        assert.deepEqual([run.status, config.web_socket_url], [0, net.chain.wsUrl], run.stdout.toString());
    }, { skip: spawnSync('script', ['--version']).status !== 0 });
});

describe('oysterctl configure', () => {
    const holder = useDevnet({ generation: 2 });
    const configure = (node, ...args) => oysterctlJson(['configure', '--node-url', node.url, ...args]);

    scenario('owner and gas key, encrypted on their way', holder, async (net) => {
        const node = net.newNode();
        await node.start();
        const gas = keyFile(net.dir, 'gas', net.newGasAccount());
        const chain = ['--config-file', node.configFile];
        const dry = await configure(node, '--owner', net.owner.address, '--gas-key-file', gas, '--dry-run');
        assert.deepEqual([dry.code, (await node.details()).owner_address], [0, `0x${'00'.repeat(20)}`]);
        const { code, result, stderr } = await configure(node, '--owner', net.owner.address, '--gas-key-file', gas, ...chain);
        assert.equal(code, 0, stderr);
        assert.deepEqual([result.gas_key_sent, result.signed_by_owner], ['encrypted', false]);
        assert.ok(BigInt(result.gas_balance) > 0n);
        const details = await node.details();
        const { address } = new Wallet(readFileSync(gas, 'utf8').trim());
        assert.deepEqual([details.owner_address, details.gas_address], [net.owner.address, address].map((a) => a.toLowerCase()));
        // the same again is no error, another owner is
        assert.equal((await configure(node, '--owner', net.owner.address)).code, 0);
        const other = await configure(node, '--owner', net.bystander.address);
        assert.equal(other.code, EXIT.failed);
        assert.match(other.stderr, /the node has the owner 0x\w{40} already/);
    });

    scenario('a keystore, plain where asked, and the public key pinned', holder, async (net) => {
        const [node] = net.nodes;
        const account = net.newGasAccount();
        const [keystore, password, pinned] = ['gas.json', 'password', 'enclave.pub'].map((name) => join(net.dir, name));
        writeFileSync(keystore, new Wallet(account.privateKey).encryptSync('pw'));
        writeFileSync(password, 'pw\n');
        writeFileSync(pinned, getBytes((await node.details()).enclave_public_key));
        const args = ['--gas-keystore', keystore, '--gas-password-file', password];
        const plain = await configure(node, ...args, '--plain', '--public-key-file', pinned);
        assert.deepEqual([plain.code, plain.result.gas_key_sent], [0, 'plain'], plain.stderr);
        assert.equal((await node.details()).gas_address, account.address.toLowerCase());
        writeFileSync(pinned, `${'11'.repeat(64)}\n`);
        const wrong = await configure(node, ...args, '--public-key-file', pinned);
        assert.equal(wrong.code, EXIT.failed);
        assert.match(wrong.stderr, /the node's public key is not that of .*; nothing was sent/);
    });

    scenario("the owner's signature, where the node wants it", holder, async (net) => {
        const node = net.newNode({ config: { config_auth: 'owner' } });
        await node.start();
        const gas = ['--gas-key-file', keyFile(net.dir, 'gas2', net.newGasAccount())];
        assert.equal((await configure(node, '--owner', net.owner.address)).code, 0);
        const without = await configure(node, ...gas);
        assert.equal(without.code, EXIT.failed);
        assert.match(without.stderr, /HTTP status 403.*give --owner-keystore or --owner-key-file/);
        const stranger = await configure(node, ...gas, '--owner-key-file', keyFile(net.dir, 'stranger', net.bystander));
        assert.notEqual(stranger.code, 0);
        const signed = await configure(node, ...gas, '--owner-key-file', keyFile(net.dir, 'owner', net.owner));
        assert.deepEqual([signed.code, signed.result.signed_by_owner], [0, true], signed.stderr);
    });

    scenario('what cannot be done is said in one line', holder, async (net) => {
        const gone = await oysterctl(['configure', '--node-url', 'http://127.0.0.1:1', '--owner', net.owner.address]);
        assert.equal(gone.code, EXIT.failed);
        assert.match(gone.stderr, /^oysterctl: the node \(--node-url\): .*\n$/);
        const nothing = await oysterctl(['configure', '--node-url', net.nodes[0].url]);
        assert.equal(nothing.code, EXIT.usage);
        assert.match(nothing.stderr, /what is to be configured/);
    });
});
