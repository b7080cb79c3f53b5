// oysterctl and the chain: the whole life of an executor and of a job by this tool alone, on both generations; what it
// refuses, and that a dry run sends nothing.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'node:test';
import { encryptKeystoreJson, parseEther, toUtf8Bytes } from 'ethers';
import { EXIT, attestationFile, keyFile, oysterctl, oysterctlAtTerminal, oysterctlJson } from './ctl.mjs';
import { GENERATIONS, assert, scenario, useDevnet } from './harness.mjs';

const CODE = 'export default { async fetch(r) { return new Response("hello " + (await r.text())); } };\n';
const FAIL = 'export default 5;\n';

for (const generation of GENERATIONS) {
    describe(`oysterctl, generation ${generation}`, () => {
        const holder = useDevnet({ generation }, async (net, h) => {
            const node = net.newNode();
            await node.start();
            await net.configure(node);
            h.node = node;
            h.base = ['--config-file', node.configFile, '--node-url', node.url];
            h.owner = ['--key-file', keyFile(net.dir, 'owner', net.owner), '--yes'];
            h.author = ['--key-file', keyFile(net.dir, 'author', net.author), '--yes'];
            const { enclave_public_key: pubkey } = await node.details();
            h.attestation = await attestationFile(net, pubkey);
            await (await net.contracts.stakeToken.transfer(net.owner.address, parseEther('150'))).wait();
            await (await net.contracts.feeToken.transfer(net.author.address, parseEther('1'))).wait();
        });
        const run = (...args) => oysterctl([...holder.base, ...args]);
        const json = (...args) => oysterctlJson([...holder.base, ...args]);

        async function done(...args) {
            const { code, result, stderr } = await json(...args);
            assert.equal(code, EXIT.ok, `${args.join(' ')}: ${stderr}`);
            return result;
        }

        async function reverted(reason, ...args) {
            const { code, result, stderr } = await json(...args);
            assert.equal(code, EXIT.reverted, `${args.join(' ')}: ${stderr}`);
            assert.match(result.revert_reason, new RegExp(`^${reason}\\(`));
            assert.equal(result.exit_code, EXIT.reverted);
            assert.ok(stderr.includes(reason), stderr);
        }

        scenario('before the registration', holder, async (net) => {
            const status = await done('status');
            assert.equal(status.enclave, holder.node.address);
            assert.equal(status.chain.registered, false);
            assert.equal(status.chain.generation, generation);
            assert.equal(status.node.owner, net.owner.address);
            assert.equal(status.problems.length, 1);
            const drain = await run('drain', ...holder.owner);
            assert.equal(drain.code, EXIT.failed);
            assert.match(drain.stderr, /is not registered/);
            const wait = await run('wait', '--registered', '--timeout', '1s');
            assert.equal(wait.code, EXIT.timeout);
        });

        scenario('a dry run and a missing terminal send nothing', holder, async (net) => {
            const register = ['register', '--attestation', holder.attestation];
            const nonce = await net.owner.getNonce('pending');
            const dry = await done(...register, ...holder.owner, '--dry-run');
            assert.equal(dry.dry_run, true);
            assert.deepEqual(dry.transactions.map((t) => t.function), ['approve', 'registerExecutor']);
            const [approve, registration] = dry.transactions;
            assert.equal(approve.arguments.spender, net.contracts.executors.target);
            assert.equal(registration.to, net.contracts.executors.target);
            assert.equal(registration.from, net.owner.address);
            assert.equal(registration.arguments.stakeAmount, String(parseEther('100')));
            assert.ok(registration.gas_limit > 100_000 && BigInt(registration.max_cost) > 0n);
            assert.ok(net.contracts.executors.interface.parseTransaction({ data: registration.data }));
            assert.equal(registration.hash, undefined);
            const text = await run(...register, ...holder.owner, '--dry-run');
            assert.match(text.stdout, /registerExecutor[^]*max cost[^]*nothing was sent/);
            const asked = await run(...register, ...holder.owner.filter((a) => a !== '--yes'));
            assert.equal(asked.code, EXIT.refused);
            assert.match(asked.stderr, /no terminal to ask at/);
            assert.equal(await net.owner.getNonce('pending'), nonce);
        });

        scenario('what cannot be registered', holder, async (net) => {
            const other = await attestationFile(net, `0x${'12'.repeat(64)}`);
            const key = await run('register', '--attestation', other, ...holder.owner);
            assert.equal(key.code, EXIT.failed);
            assert.match(key.stderr, /of another enclave key/);
            const stranger = await run('register', '--attestation', holder.attestation, ...holder.author);
            assert.match(stranger.stderr, /not the node's owner/);
            const low = await run('register', '--attestation', holder.attestation, '--stake', '99', ...holder.owner);
            assert.match(low.stderr, /--stake: found 99, expected at least the minimum 100/);
            const many = await run('register', '--attestation', holder.attestation, '--stake', '151', ...holder.owner);
            assert.match(many.stderr, /has 150 STAKE, 151 are needed/);
        });

        scenario('registered through a verifier', holder, async (net) => {
            const { hypervisor, verifier } = net.attestor;
            const other = ['--attestation-url', `${hypervisor.url}/attestation/raw?public_key=${'12'.repeat(64)}`];
            const swapped = await run('register', '--verifier-url', verifier.url, ...other, ...holder.owner);
            assert.match(swapped.stderr, /of another enclave key/);
            const result = await done('register', '--verifier-url', verifier.url, ...holder.owner);
            assert.deepEqual(result.transactions.map((t) => t.status), ['included', 'included']);
            assert.equal((await net.contracts.executors.executors(holder.node.address)).owner, net.owner.address);
            await done('wait', '--registered');
            const again = await run('register', '--attestation', holder.attestation, ...holder.owner);
            assert.match(again.stderr, /registered already/);
            const status = await done('status');
            assert.equal(status.chain.stake, String(parseEther('100')));
            assert.deepEqual(status.problems, []);
        });

        scenario('code and jobs', holder, async (net) => {
            const file = join(net.dir, 'code.js');
            writeFileSync(file, CODE);
            const { code } = await done('code', 'deploy', file, ...holder.author);
            const { jobOwner } = net.contracts;
            const via = await done('job', 'create', '--code', code, '--input', 'you', '--via', jobOwner.target, ...holder.author);
            assert.equal(via.output, 'hello you');
            assert.equal(via.owner, jobOwner.target);
            assert.equal(via.state, 'answered');
            const balance = await net.contracts.feeToken.balanceOf(net.author.address);
            const own = await done('job', 'create', '--code', code, '--input', 'me', '--deadline', '2s', ...holder.author);
            assert.deepEqual(own.transactions.map((t) => t.function), ['approve', 'createJob']);
            assert.equal(own.output, 'hello me');
            assert.equal(own.owner, net.author.address);
            assert.equal(own.answers[0].error_code, 0);
            assert.ok((await net.contracts.feeToken.balanceOf(net.author.address)) < balance);
            writeFileSync(file, FAIL);
            const bad = await done('job', 'create', '--code-file', file, ...holder.author);
            assert.equal(bad.error_code, 3);
            const shown = await done('jobs', 'show', via.job);
            assert.equal(shown.output, 'hello you');
            assert.equal(shown.node.state, 'confirmed');
            const list = await done('jobs', 'list', '--limit', '2');
            assert.deepEqual(list.past.map((j) => j.job), [bad.job, own.job]);
            assert.deepEqual(list.past.map((j) => j.error_code), [3, 0]);
            const later = await done('job', 'create', '--code', code, '--no-wait', ...holder.author);
            assert.equal((await done('wait', '--job', later.job, '--answered', '1')).output, 'hello ');
        });

        scenario('what has no job', holder, async (net) => {
            const none = await run('jobs', 'show', '77');
            assert.equal(none.code, EXIT.failed);
            assert.equal((await run('wait', '--job', '77', '--timeout', '500ms')).code, EXIT.timeout);
            assert.equal((await run('jobs', 'show', 'seven')).code, EXIT.usage);
            assert.equal((await run('wait', '--job', 'seven')).code, EXIT.usage);
            for (const amount of ['1e5', '0x5', '1.', '5 wei'])
                assert.equal((await run('stake', 'add', amount, ...holder.owner)).code, EXIT.usage);
            const empty = join(net.dir, 'empty.js');
            writeFileSync(empty, '');
            assert.match((await run('code', 'deploy', empty, ...holder.author)).stderr, /found nothing/);
            writeFileSync(empty, `${CODE}${'/'.repeat(140_000)}`);
            assert.match((await run('code', 'deploy', empty, ...holder.author)).stderr, /expected at most/);
        });

        scenario('a question at the terminal', holder, async (net) => {
            const keystore = join(net.dir, 'owner.json');
            const { address, privateKey } = net.owner;
            const scrypt = { N: 1024, r: 8, p: 1 };
            writeFileSync(keystore, await encryptKeystoreJson({ address, privateKey }, toUtf8Bytes('pässword'), { scrypt }));
            const drain = [...holder.base, 'drain', '--keystore', keystore];
            const password = ['owner.json: ', 'pässword\n'];
            const no = await oysterctlAtTerminal(drain, [password, ['[y/N] ', 'n\n']]);
            assert.equal(no.code, EXIT.refused, no.screen);
            assert.match(no.screen, /drainExecutor[^]*max cost[^]*Send this transaction on chain 31337/);
            assert.ok(!no.screen.includes('pässword'), no.screen);
            const nothing = await oysterctlAtTerminal(drain, [password, ['[y/N] ', '\n']]);
            assert.equal(nothing.code, EXIT.refused, nothing.screen);
            const wrong = await oysterctlAtTerminal(drain, [['owner.json: ', 'password\n']]);
            assert.equal(wrong.code, EXIT.failed, wrong.screen);
            assert.equal((await done('status')).chain.draining, false);
            const yes = await oysterctlAtTerminal(drain, [password, ['[y/N] ', 'y\n']]);
            assert.equal(yes.code, EXIT.ok, yes.screen);
            assert.equal((await done('status')).chain.draining, true);
            await done('revive', ...holder.owner);
        });

        scenario('drained, and the stake comes back', holder, async (net) => {
            const balance = () => net.contracts.stakeToken.balanceOf(net.owner.address);
            await done('stake', 'add', '20.5', ...holder.owner);
            assert.equal((await done('status')).chain.stake, String(parseEther('120.5')));
            await reverted('ExecutorsNotDraining', 'deregister', ...holder.owner);
            await reverted('ExecutorsNotDraining', 'stake', 'remove', '1', ...holder.owner);
            await reverted('ExecutorsInvalidOwner', 'drain', ...holder.author);
            await done('drain', ...holder.owner);
            await reverted('ExecutorsAlreadyDraining', 'drain', ...holder.owner);
            await done('wait', '--drained');
            await done('revive', ...holder.owner);
            await reverted('ExecutorsAlreadyRevived', 'revive', ...holder.owner);
            await done('drain', ...holder.owner);
            await reverted('JobsUnavailableResources', 'job', 'create', '--code', `0x${'1'.repeat(64)}`, ...holder.author);
            await done('stake', 'remove', '0.5', ...holder.owner);
            const before = await balance();
            await done('deregister', ...holder.owner);
            await done('wait', '--deregistered');
            assert.equal((await balance()) - before, parseEther('120'));
            assert.equal(await balance(), parseEther('150'));
        });
    });
}

describe('oysterctl and its endpoints', () => {
    const holder = useDevnet({ generation: 2 });
    const enclave = ['--enclave', `0x${'11'.repeat(20)}`];

    scenario('the wrong chain, nobody there, nothing given', holder, async (net) => {
        const contract = ['--executors-contract', net.contracts.executors.target];
        const begin = Date.now();
        const wrong = await oysterctl(['status', ...enclave, ...contract, '--chain-id', '1', '--rpc-url', net.chain.httpUrl]);
        assert.ok(Date.now() - begin < 10_000, 'it does not wait for another look at the chain');
        assert.equal(wrong.code, EXIT.failed, wrong.stderr);
        assert.match(wrong.stderr, /chain/);
        const closed = await oysterctl(['status', ...enclave, ...contract, '--chain-id', '1', '--rpc-url', 'http://127.0.0.1:9']);
        assert.equal(closed.code, EXIT.failed, closed.stderr);
        const none = await oysterctl(['status', ...enclave]);
        assert.equal(none.code, EXIT.usage);
        assert.match(none.stderr, /--chain-id/);
    });

    scenario('settings of the environment', holder, async (net) => {
        const env = {
            OYSTERCTL_RPC_URL: net.chain.httpUrl,
            OYSTERCTL_CHAIN_ID: String(net.chain.chainId),
            OYSTERCTL_EXECUTORS_CONTRACT: net.contracts.executors.target,
            OYSTERCTL_JSON: '1',
        };
        const { code, stdout } = await oysterctl(['status', ...enclave], { env });
        assert.equal(code, EXIT.ok);
        assert.equal(JSON.parse(stdout).chain.registered, false);
    });

    scenario('keys are not taken from the command line', holder, async (net) => {
        const secret = net.owner.privateKey;
        for (const flag of ['--private-key', '--key', '--key-file', '--keystore', '--password']) {
            const { code, stdout, stderr } = await oysterctl(['drain', flag, secret]);
            assert.equal(code, EXIT.usage);
            assert.match(stderr, /never taken from the command line/);
            assert.ok(!`${stdout}${stderr}`.includes(secret.slice(2, 20)));
        }
    });
});
