// oysterctl init, doctor and configure: from nothing to a node that has what it needs.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'node:test';
import { Wallet, getBytes } from 'ethers';
import { executorBinary, workerdDir } from '../../devnet/lib/paths.mjs';
import { EXIT, ctlBinary, keyFile, oysterctl, oysterctlJson } from './ctl.mjs';
import { assert, existsSync, scenario, useDevnet } from './harness.mjs';

// Nobody answers there; the ports of a node's own are left to others.
const NOBODY = ['--node-url', 'http://127.0.0.1:1'];

const options = (net) => [
    ...['--rpc-url', net.chain.httpUrl, '--ws-url', net.chain.wsUrl, '--runtime', workerdDir()],
    ...['--jobs-contract', net.contracts.jobs.target, '--code-contract', net.contracts.userCode.target],
];

describe('oysterctl init', () => {
    const holder = useDevnet({ generation: 2, contracts: { executionBufferTime: 7, nodesToSelect: 3 } });
    const pathOf = (name) => join(holder.net.dir, name);

    scenario('writes a configuration that node and doctor take', holder, async (net) => {
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
        const doctor = await oysterctlJson(['doctor', '--config-file', path, ...NOBODY]);
        assert.deepEqual([doctor.code, doctor.result.fail], [0, 0], JSON.stringify(doctor.result.checks));
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

describe('oysterctl doctor', () => {
    const holder = useDevnet({ generation: 2 }, async (net) => {
        await net.addNode();
    });
    // Doctor on the node's configuration with some members changed: {code, result, check(name): its lines}.
    async function doctor(changes = {}, args = NOBODY, options = {}) {
        const [node] = holder.net.nodes;
        const path = join(holder.net.dir, 'doctor.json');
        writeFileSync(path, JSON.stringify({ ...node.config, port: 0, ...changes }));
        const told = await oysterctlJson(['doctor', '--config-file', path, ...args], options);
        return { ...told, check: (name) => told.result.checks.filter((c) => c.check === name) };
    }

    scenario('a healthy node: every line is OK', holder, async (net) => {
        const [node] = net.nodes;
        const { code, result, check } = await doctor({}, ['--node-url', node.url]);
        assert.deepEqual([code, result.fail], [0, 0], JSON.stringify(result.checks));
        const names = ['kernel', 'cgroups', 'sandbox', 'enclave key', 'workerd', 'worker', 'ledger', 'API port', 'metrics port',
            'clock', 'contracts', 'UserCode contract', 'execution_buffer_time', 'num_selected_executors', 'node', 'gas'];
        for (const name of names) assert.deepEqual(check(name).map((c) => c.status), ['OK'], name);
        assert.equal(check('endpoint').length, 2);
        assert.match(check('gas')[0].detail, /pays for .* answers/);
        assert.equal(result.ok, result.checks.length);
        const text = await oysterctl(['doctor', '--config-file', node.configFile, '--node-url', node.url]);
        assert.match(text.stdout, /^OK +clock +the newest block is \d+ s old$/m);
    });

    const free = net => net.bystander.address;
    const ws = (net) => net.chain.wsUrl;
    // A folder that looks like version 2, with something in a group that no node can remove.
    const leftInGroup = (net) => {
        const root = join(net.dir, 'groups');
        mkdirSync(join(root, 'workerd_1', 'child'), { recursive: true });
        for (const file of ['cgroup.controllers', 'cgroup.subtree_control']) writeFileSync(join(root, file), 'cpu memory pids\n');
        for (const file of ['cgroup.procs', 'child/file']) writeFileSync(join(root, 'workerd_1', file), '');
        return { cgroup_root: root };
    };
    const cases = [
        ['the chain id', () => ({ common_chain_id: 7 }), 'endpoint', /is of chain 31337, expected 7/, /common_chain_id/],
        ['a dead endpoint', () => ({ http_rpc_url: 'http://127.0.0.1:1' }), 'endpoint', /127\.0\.0\.1:1/, /reachable/],
        ['a dead WebSocket', () => ({ web_socket_url: 'ws://127.0.0.1:1' }), 'endpoint', /ws:\/\/127\.0\.0\.1:1/, /eth_subscribe/],
        ['the buffer time', () => ({ execution_buffer_time: 6 }), 'execution_buffer_time', /6, but EXECUTION_BUFFER_TIME\(\) is 5/, /contract's value/],
        ['the number of executors', () => ({ num_selected_executors: 4 }), 'num_selected_executors', /4, but .* is 1/, /contract's value/],
        ['the Executors contract', (net) => ({ executors_contract_addr: free(net) }), 'Executors contract', /works with 0x/, /executors_contract_addr/],
        ['the Jobs contract', (net) => ({ jobs_contract_addr: free(net) }), 'Jobs contract', /right contract/, /jobs_contract_addr/],
        ['the UserCode contract', (net) => ({ code_contract_addr: free(net) }), 'UserCode contract', /no contract/, /code_contract_addr/],
        ['the enclave key', () => ({ enclave_signer_file: '/nowhere/key' }), 'enclave key', /\/nowhere\/key/, /keys new/],
        ['workerd', () => ({ workerd_runtime_path: '/nowhere' }), 'workerd', /\/nowhere/, /workerd_runtime_path/],
        ['the ledger', () => ({ ledger_file: '/nowhere/ledger.db' }), 'ledger', /\/nowhere/, /ledger_file/],
        ['a port', (net) => ({ port: net.nodes[0].port }), 'API port', /Address already in use/, /--port/],
        ['the cgroups', () => ({ cgroup_root: '/proc' }), 'cgroups', /./, /cgroupv2_setup\.sh/],
        ['what is left in a cgroup', leftInGroup, 'cgroups', /workerd_1\/child: found a group that cannot be removed/, /what the line says/],
    ];
    for (const [what, changes, name, detail, advice] of cases) {
        scenario(`finds ${what}`, holder, async (net) => {
            const { code, result, check } = await doctor(changes(net));
            const failed = check(name).filter((c) => c.status === 'FAIL');
            assert.equal(failed.length, 1, JSON.stringify(result.checks));
            assert.match(failed[0].detail, detail);
            assert.match(failed[0].advice, advice);
            assert.deepEqual([code, result.fail > 0], [EXIT.check, true]);
        });
    }

    // As somebody else than root, or with namespaces that are used up: {name: the check}.
    function machine(file, prefix, program = ctlBinary()) {
        const args = [...prefix.slice(1), program, 'doctor', '--config-file', file, ...NOBODY, '--json'];
        const run = spawnSync(prefix[0], args, { cwd: '/', encoding: 'utf8' });
        return Object.fromEntries(JSON.parse(run.stdout).checks.map((check) => [check.check, check]));
    }

    scenario('tells an ordinary user what root would have', holder, async (net, t) => {
        if (process.getuid() !== 0) return t.skip('takes root, to be somebody else');
        const file = join(net.dir, 'nobody.json');
        chmodSync(net.dir, 0o755);
        writeFileSync(file, JSON.stringify({ ...net.nodes[0].config, port: 0 }));
        const own = join(net.dir, 'oysterctl'); // the build may lie where nobody else may go
        copyFileSync(ctlBinary(), own);
        const found = machine(file, ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'], own);
        assert.match(found.sandbox.advice, /takes a node that runs as root: let it, or name uid in sandbox_allow_degraded/);
        assert.match(found['enclave key'].advice, /^let the node's user read it/);
    });

    scenario('names the setting of the kernel that forbids namespaces', holder, async (net, t) => {
        const file = join(net.dir, 'full.json');
        writeFileSync(file, JSON.stringify({ ...net.nodes[0].config, port: 0 }));
        const full = 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"';
        if (spawnSync('unshare', ['-Ur', 'true']).status !== 0) return t.skip('no user namespace to be had');
        const found = machine(file, ['unshare', '-Ur', 'sh', '-c', full, 'sh']);
        assert.match(found.sandbox.advice, /^set user\.max_user_namespaces above 0/);
    });

    scenario('one dead endpoint of two is a warning', holder, async (net) => {
        const two = { http_rpc_url: ['http://127.0.0.1:1', net.chain.httpUrl], web_socket_url: [ws(net), 'ws://127.0.0.1:1'] };
        const { code, check } = await doctor(two);
        assert.deepEqual([code, check('endpoint').map((c) => c.status)], [0, ['WARN', 'OK', 'OK', 'WARN']]);
    });

    scenario('a gas key without a balance, and none at all', holder, async (net) => {
        const [node] = net.nodes;
        const broke = Wallet.createRandom();
        await node.setGasKey(broke);
        const { code, check } = await doctor({}, ['--node-url', node.url]);
        assert.deepEqual([code, check('gas').map((c) => c.status)], [EXIT.check, ['FAIL']]);
        assert.match(check('gas')[0].advice, /send ether/);
        const fresh = net.newNode();
        await fresh.start();
        const other = await doctor({}, ['--node-url', fresh.url]);
        assert.deepEqual(other.check('node').map((c) => [c.status, c.detail]), [['WARN', 'has no owner yet']]);
    });

    scenario('without a configuration the machine is looked at', holder, async () => {
        const { code, result } = await oysterctlJson(['doctor', ...NOBODY]);
        assert.equal(code, EXIT.check);
        const byName = Object.fromEntries(result.checks.map((c) => [c.check, c.status]));
        assert.deepEqual(byName, { configuration: 'FAIL', kernel: 'OK', cgroups: 'OK', sandbox: 'OK' });
    });
});

describe('oysterctl configure', () => {
    const holder = useDevnet({ generation: 2 });
    const configure = (node, ...args) => oysterctlJson(['configure', '--node-url', node.url, ...args]);

    scenario('owner and gas key, encrypted on their way', holder, async (net) => {
        const node = net.newNode();
        await node.start();
        const gas = keyFile(net.dir, 'gas', net.newGasAccount());
        const chain = ['--config-file', node.configFile];
        const early = await oysterctl(['register', '--node-url', node.url, '--key-file', gas, ...chain]);
        assert.equal(early.stderr, 'oysterctl: the node has no owner yet: oysterctl configure gives it one\n');
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
