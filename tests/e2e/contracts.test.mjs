// The local chain's contracts keep the rules of the real ones: signatures of calls and events, registration, drawing,
// escrow, answers, slashing. Executors here are keys in the test's own hands.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SigningKey, hexlify, id, keccak256, parseEther, randomBytes, toUtf8Bytes } from 'ethers';
import { Attestor, PCRS, VERIFIER_PCRS, imageId } from '../../devnet/lib/attestation.mjs';
import { Chain } from '../../devnet/lib/chain.mjs';
import { addressesOf, deployContracts, errorOf } from '../../devnet/lib/contracts.mjs';
import { KeyExecutor, addStake, deregister, drain, removeStake, revive } from '../../devnet/lib/executor.mjs';
import { answersTo, createJob, eventIn, eventsIn, saveCode } from '../../devnet/lib/jobs.mjs';
import { publicKey64, signAttestation } from '../../devnet/lib/signing.mjs';

const TOPICS = {
    1: {
        ExecutorRegistered: '0xdc8e8ada2de6238525e81b7360a23e65e35b134e480f604ad9705a5607765862',
        JobCreated: '0x69066caa91e12038272e02a3dfa77c0cdceb460915973c2eeede8d2c1bdb8ded',
        JobResponded: '0x6594e695f8748d68972e2dd5ebe133bc32ca4aad6dbd333ba3b6caebbba70d41',
    },
    2: {
        ExecutorRegistered: '0xec0a27e4d50a399506fe5b90d1dfbf556cc157b511ace50f261f7770aeedb4b6',
        JobCreated: '0x52a40f74e443e82ca6251ea4549e7a2c0f2f9e872d9405226603ad5613aa1319',
        JobResponded: '0x44e2fe4ddd3ee1cc7d02ec47111be654474a6fc73411e678e3152b806bfc0233',
    },
    both: {
        ExecutorDeregistered: '0xbae032118ceb22b626b3d85db081a22cb175340e28f4e1c422b88586ea62c3d6',
        ExecutorDrained: '0xbc8209b628dec8f50f80614244ca3538613f5a92ebf236778af1a3d3a4773748',
        ExecutorRevived: '0x324d2b90019de3cd7d938c2ea2fef740e139932db1fa947d1f24ab10b1002a7f',
        ExecutorStakeAdded: '0xbc69052688a65f08675bfa5e2847a7c780e61f210fcf25a2ceaa1c558aefd904',
        ExecutorStakeRemoved: '0x79fc914dbc9513a808f02f3be7c9d748703b97811f72a509d3f3419eec39ddea',
        SlashedOnExecutionTimeout: '0x5b7be43a9005feced634aa3c4ee6edf6d75149d297a3349f0e066743f4e440e7',
        JobResultCallbackCalled: '0xaee8d436b2bc14f530f18551f19606d50e469aeee7e89fb6c9da76e52a912260',
        JobFailureCallbackCalled: '0x71c7c2b1c67dc01dd88d0c2f81ed6b67d975782f96e0e7eac5facfba01165ffe',
    },
};
const SELECTORS = {
    1: { createJob: '0x57fbc4eb', registerExecutor: '0x834d642d' },
    2: { createJob: '0xe7eba19b', registerExecutor: '0xeaaf229c', isTreeInitialized: '0x4be4367f' },
    both: {
        submitOutput: '0x4af50fc8',
        slashOnExecutionTimeout: '0x95e11ef7',
        EXECUTION_BUFFER_TIME: '0xa3132258',
        NO_OF_NODES_TO_SELECT: '0x36f9aa99',
        SIGN_MAX_AGE: '0x34b22512',
        EXECUTORS: '0x449aa0d1',
        getSelectedExecutors: '0x7891e300',
        jobs: '0x180aedf3',
        drainExecutor: '0xaaa31da1',
        reviveExecutor: '0x061be402',
        deregisterExecutor: '0xff8a4807',
        addExecutorStake: '0xee64a9b0',
        removeExecutorStake: '0x021d31d2',
        executors: '0x9ac2a011',
        TOKEN: '0x82bfefc8',
        MIN_STAKE_AMOUNT: '0x27ed7188',
    },
};
const VIEWS = {
    1: {
        executors: ['owner', 'jobCapacity', 'activeJobs', 'stakeAmount', 'draining'],
        jobs: ['deadline', 'execStartTime', 'executionTime', 'jobOwner', 'outputCount'],
    },
    2: {
        executors: ['jobCapacity', 'activeJobs', 'stakeAmount', 'owner', 'draining', 'env'],
        jobs: ['deadline', 'execStartTime', 'executionTime', 'jobOwner', 'env', 'outputCount'],
    },
};

for (const generation of [1, 2]) {
    describe(`contracts of generation ${generation}`, () => {
        let dir, attestor, chain, contracts, owner, sender, codehash;

        const deploy = (options) =>
            deployContracts({
                attestor,
                deployer: chain.account(0),
                jobAdmin: chain.account(2),
                paymentPool: chain.account(9).address,
                generation,
                ...options,
            });
        const fails = async (work, name) => assert.equal(await errorOf(contracts, work), name);

        // Fresh contracts with registered keys.
        async function fresh(nKeys, options) {
            contracts = await deploy(options);
            const keys = Array.from({ length: nKeys }, () => new KeyExecutor(contracts));
            for (const key of keys) await key.register(owner);
            return keys;
        }
        const jump = async (seconds) => {
            await chain.provider.send('evm_increaseTime', [seconds]);
            await chain.provider.send('evm_mine', []);
        };
        const now = () => chain.time();

        before(async () => {
            dir = mkdtempSync(join(tmpdir(), 'oyster-contracts-'));
            attestor = await Attestor.start({ dir });
            chain = await Chain.start({ dir });
            owner = chain.account(1);
            sender = chain.account(3);
            contracts = await deploy();
            codehash = await saveCode(contracts, chain.account(2), 'export default {}');
        });
        after(async () => {
            await chain?.stop();
            await attestor?.stop();
            rmSync(dir, { recursive: true });
        });

        test('events and calls have the signatures of the real contracts', () => {
            const topics = { ...TOPICS.both, ...TOPICS[generation] };
            const selectors = { ...SELECTORS.both, ...SELECTORS[generation] };
            for (const [name, expected] of Object.entries(topics)) {
                const { jobs, executors } = contracts;
                const fragment = jobs.interface.getEvent(name) ?? executors.interface.getEvent(name);
                assert.equal(fragment?.topicHash, expected, name);
            }
            for (const [name, expected] of Object.entries(selectors)) {
                const found = [contracts.jobs, contracts.executors].map((c) => c.interface.getFunction(name)?.selector);
                assert.ok(found.includes(expected), `${name}: ${found}`);
            }
            const code = contracts.userCode.interface;
            assert.equal(code.getFunction('saveCodeInCallData(string)').selector, '0xff7cdaf3');
            assert.equal(code.getFunction('saveCodeInCallData(string,bytes)').selector, '0x1ae53fea');
            assert.equal(
                id('oysterResultCall(uint256,bytes,uint8,uint256)').slice(0, 10),
                contracts.jobOwner.interface.getFunction('oysterResultCall').selector,
            );
            for (const [name, order] of Object.entries(VIEWS[generation])) {
                const contract = name === 'jobs' ? contracts.jobs : contracts.executors;
                assert.deepEqual(contract.interface.getFunction(name).outputs.map((o) => o.name), order);
            }
        });

        test('which generation it is can be asked', async () => {
            const data = `0x4be4367f${'1'.padStart(64, '0')}`;
            const asked = chain.provider.call({ to: contracts.executors.target, data });
            if (generation === 1) await assert.rejects(asked);
            else assert.equal(BigInt(await asked), 1n);
        });

        test('registration: an attested key that signed for this owner, once, with its stake', async () => {
            const [key] = await fresh(0).then(() => [new KeyExecutor(contracts)]);
            const stranger = new KeyExecutor(contracts);
            const at = await now();
            const [, said] = await attestor.attest(publicKey64(key.key));
            const forged = [signAttestation(stranger.key, said), said];
            const changed = [(await attestor.attest(publicKey64(key.key)))[0], { ...said, timestampInMilliseconds: 1 + said.timestampInMilliseconds }];
            const otherImage = await attestor.attest(publicKey64(key.key), { pcrs: VERIFIER_PCRS });
            const stale = await attestor.attest(publicKey64(key.key), { timestampMs: (at - 7200) * 1000 });
            await fails(key.register(owner, { attestation: forged }), 'AttestationVerifierKeyNotVerified');
            await fails(key.register(owner, { attestation: changed }), 'AttestationVerifierKeyNotVerified');
            await fails(key.register(owner, { attestation: otherImage }), 'AttestationAutherImageNotWhitelisted');
            await fails(key.register(owner, { attestation: stale }), 'AttestationAutherAttestationTooOld');
            await fails(key.register(owner, { timestamp: at - 700 }), 'ExecutorsSignatureTooOld');
            const swapped = await attestor.attest(publicKey64(stranger.key));
            await fails(key.register(owner, { attestation: swapped }), 'ExecutorsInvalidSigner');
            if (generation === 2) await fails(key.register(owner, { env: 2 }), 'ExecutorsUnsupportedEnv');

            const receipt = await key.register(owner, { stake: parseEther('150') });
            const { args } = eventIn(receipt, contracts.executors, 'ExecutorRegistered');
            assert.deepEqual(
                [...args],
                [key.address, owner.address, 20n, ...(generation === 2 ? [1n] : [])],
            );
            assert.equal(eventIn(receipt, contracts.executors, 'ExecutorStakeAdded').args[1], parseEther('150'));
            const info = await contracts.executors.executors(key.address);
            assert.equal(info.owner, owner.address);
            assert.equal(info.stakeAmount, parseEther('150'));
            assert.equal(await contracts.stakeToken.balanceOf(contracts.executors.target), parseEther('150'));
            await fails(key.register(owner), 'ExecutorsExecutorAlreadyExists');
        });

        test('verifiers: good while their key and their image are; one vouches for another', async () => {
            const [key] = await fresh(0).then(() => [new KeyExecutor(contracts)]);
            const { attestationVerifier: verifiers, executors } = contracts;
            const image = imageId(VERIFIER_PCRS);
            const enclave = publicKey64(key.key);
            const good = await attestor.attest(enclave);
            assert.equal(await verifiers.imageOfKey(attestor.address), image);
            await verifiers.verify(...good);

            // Another verifier: whitelisted by nobody, attested by the first.
            const second = new KeyExecutor(contracts);
            const byVerifier = await attestor.attest(publicKey64(second.key), { pcrs: VERIFIER_PCRS });
            const bySecond = [signAttestation(second.key, good[1]), good[1]];
            await fails(verifiers.verify(...bySecond), 'AttestationVerifierKeyNotVerified');
            await fails(verifiers.verifyEnclaveKey(...(await attestor.attest(publicKey64(second.key)))), 'AttestationVerifierImageNotWhitelisted');
            const forged = [signAttestation(second.key, byVerifier[1]), byVerifier[1]];
            await fails(verifiers.verifyEnclaveKey(...forged), 'AttestationVerifierKeyNotVerified');
            const old = await attestor.attest(publicKey64(second.key), { pcrs: VERIFIER_PCRS, timestampMs: ((await now()) - 7200) * 1000 });
            await fails(verifiers.verifyEnclaveKey(...old), 'AttestationVerifierAttestationTooOld');
            await (await verifiers.connect(sender).verifyEnclaveKey(...byVerifier)).wait();
            assert.equal(await verifiers.imageOfKey(second.address), image);
            await verifiers.verify(...bySecond);

            await (await verifiers.revokeEnclaveKey(attestor.address)).wait();
            await fails(key.register(owner, { attestation: good }), 'AttestationVerifierKeyNotVerified');
            await verifiers.verify(...bySecond);
            await (await verifiers.revokeEnclaveImage(image)).wait();
            await fails(verifiers.verify(...bySecond), 'AttestationVerifierImageNotWhitelisted');
            await (await verifiers.whitelistEnclaveImage(...VERIFIER_PCRS)).wait();
            await (await executors.revokeEnclaveImage(imageId(PCRS))).wait();
            await fails(key.register(owner, { attestation: bySecond }), 'AttestationAutherImageNotWhitelisted');
            await (await executors.whitelistEnclaveImage(...PCRS)).wait();
            await key.register(owner, { attestation: bySecond });

            const stranger = verifiers.connect(chain.account(7));
            await fails(stranger.whitelistEnclaveImage(...PCRS), 'AttestationVerifierInvalidAdmin');
            await fails(stranger.revokeEnclaveImage(image), 'AttestationVerifierInvalidAdmin');
            await fails(stranger.whitelistEnclaveKey(enclave, image), 'AttestationVerifierInvalidAdmin');
            await fails(stranger.revokeEnclaveKey(second.address), 'AttestationVerifierInvalidAdmin');
            await fails(executors.connect(chain.account(7)).whitelistEnclaveImage(...PCRS), 'ExecutorsNotAdmin');
            await fails(executors.connect(chain.account(7)).revokeEnclaveImage(image), 'ExecutorsNotAdmin');
            await fails(verifiers.whitelistEnclaveKey(enclave, imageId(PCRS)), 'AttestationVerifierImageNotWhitelisted');
        });

        test('only executors with stake, room and no drain are drawn, in proportion to stake', async () => {
            const keys = await fresh(2, { nodesToSelect: 1 });
            const poor = new KeyExecutor(contracts);
            await poor.register(owner, { stake: contracts.options.minStake - 1n });
            const small = new KeyExecutor(contracts);
            await small.register(owner, { jobCapacity: 2, stake: contracts.options.minStake * 1000n });
            const draws = [];
            for (let i = 0; i < 10; i++) draws.push((await createJob(contracts, { codehash })).selected[0]);
            assert.equal(draws.filter((d) => d === small.address).length, 2, 'the heavy one, up to its capacity');
            assert.deepEqual(draws.slice(0, 2), [small.address, small.address], 'the heavy one first');
            assert.ok(!draws.includes(poor.address));
            assert.equal((await contracts.executors.executors(small.address)).activeJobs, 2n);
            await drain(contracts, owner, keys[0].address);
            for (let i = 0; i < 5; i++) {
                assert.deepEqual((await createJob(contracts, { codehash })).selected, [keys[1].address]);
            }
            await drain(contracts, owner, keys[1].address);
            await fails(createJob(contracts, { codehash }), 'JobsUnavailableResources');
            await revive(contracts, owner, keys[0].address);
            assert.deepEqual((await createJob(contracts, { codehash })).selected, [keys[0].address]);
        });

        test('three are drawn without repetition, the fee is split 4:3:2 and the rest goes back', async () => {
            await fresh(4, { nodesToSelect: 3 });
            const owners = [chain.account(4), chain.account(5), chain.account(6)];
            contracts = await deploy({ nodesToSelect: 3 });
            const keys = owners.map(() => new KeyExecutor(contracts));
            for (const [i, key] of keys.entries()) await key.register(owners[i]);
            const { feeToken, jobs, jobOwner, options } = contracts;
            const balance = (who) => feeToken.balanceOf(who);
            const funds = await balance(jobOwner.target);
            const pool = await balance(chain.account(9).address);
            const job = await createJob(contracts, { codehash, inputs: { a: 1 }, deadline: 3000 });
            assert.deepEqual([...job.selected].sort(), keys.map((k) => k.address).sort());
            assert.deepEqual([...(await jobs.getSelectedExecutors(job.id))], job.selected);
            assert.equal(await balance(jobOwner.target), funds - 3000n * (9n + 1n) * 10n ** 9n);

            const output = hexlify(toUtf8Bytes('hello'));
            const before = await Promise.all(owners.map((o) => balance(o.address)));
            const receipt = await keys[0].submit(sender, job.id, { output, totalTime: 1000 });
            assert.equal(eventIn(receipt, jobs, 'JobResultCallbackCalled').args.success, true);
            const order = eventsIn(receipt, jobs).map((e) => e.name);
            assert.deepEqual(order, ['JobResultCallbackCalled', 'JobResponded']);
            assert.equal((await jobs.jobs(job.id)).outputCount, 1n);
            assert.equal((await jobs.jobs(job.id)).executionTime, 1000n);
            await fails(keys[0].submit(sender, job.id, {}), 'JobsExecutorAlreadySubmittedOutput');
            await keys[1].submit(sender, job.id, { output: '0x', totalTime: 2000, errorCode: 4 });
            await keys[2].submit(sender, job.id, { output, totalTime: 9999 });

            const fee = 1000n * options.executorFeePerMs;
            const earned = await Promise.all(owners.map(async (o, i) => (await balance(o.address)) - before[i]));
            assert.deepEqual(earned, [(fee * 4n) / 9n, fee / 3n, fee - (fee * 4n) / 9n - fee / 3n]);
            assert.equal(await balance(jobOwner.target), funds - 1000n * 10n * 10n ** 9n, 'unused time is paid back');
            assert.equal((await balance(chain.account(9).address)) - pool, 1000n * options.stakingRewardPerMs);
            assert.equal(await balance(jobs.target), 0n);

            const answers = await answersTo(contracts, job.id);
            assert.deepEqual(answers.map((a) => [a.output, a.errorCode, a.outputCount]), [
                [output, 0, 1],
                ['0x', 4, 2],
                [output, 0, 3],
            ]);
            assert.deepEqual(answers.map((a) => a.totalTime), [1000, 2000, 3000], 'never more than the deadline');
            const told = await jobOwner.results(job.id);
            assert.deepEqual([...told], [true, keccak256(output), 0n, 1000n]);
            assert.equal((await jobs.jobs(job.id)).execStartTime, 0n, 'a complete job is deleted');
            await fails(jobs.slashOnExecutionTimeout(job.id), 'JobsInvalidJob');
            await fails(keys[0].submit(sender, job.id, {}), 'JobsExecutionTimeOver');
            for (const key of keys) assert.equal((await contracts.executors.executors(key.address)).activeJobs, 0n);
        });

        test('an answer counts only when signed by a drawn executor, lately', async () => {
            const [key] = await fresh(1);
            const job = await createJob(contracts, { codehash, deadline: 2000 });
            const late = new KeyExecutor(contracts);
            await fails(late.submit(sender, job.id, {}), 'ExecutorsInvalidSigner');
            await late.register(owner);
            await fails(late.submit(sender, job.id, {}), 'JobsNotSelectedExecutor');
            await fails(key.submit(sender, job.id, { timestamp: (await now()) - 700 }), 'JobsSignatureTooOld');
            await fails(contracts.jobs.slashOnExecutionTimeout(job.id), 'JobsDeadlineNotOver');
            await assert.rejects(key.submit(sender, 10_000n, {}), 'no such job');
            await key.submit(sender, job.id, {});
        });

        test('after deadline and buffer: no answer is taken, the silent are slashed, the owner is told', async () => {
            const [key] = await fresh(1, { nodesToSelect: 1 });
            const { stakeToken, feeToken, jobs, jobOwner, options } = contracts;
            const funds = await feeToken.balanceOf(jobOwner.target);
            const job = await createJob(contracts, { codehash, deadline: 1000 });
            const start = (await jobs.jobs(job.id)).execStartTime;
            await jump(1 + options.executionBufferTime + 2);
            const timestamp = (await now()) + 1;
            await fails(key.submit(sender, job.id, { timestamp }), 'JobsExecutionTimeOver');
            assert.ok(BigInt(await now()) * 1000n > start * 1000n + 6000n);
            const receipt = await (await jobs.connect(sender).slashOnExecutionTimeout(job.id)).wait();
            const slashed = options.minStake / 100n;
            assert.equal(eventIn(receipt, jobs, 'SlashedOnExecutionTimeout').args.enclaveAddress, key.address);
            assert.equal(eventIn(receipt, jobs, 'JobFailureCallbackCalled').args.success, true);
            assert.equal(await stakeToken.balanceOf(jobOwner.target), slashed);
            assert.equal(await jobOwner.slashedAmounts(job.id), slashed);
            assert.equal(await feeToken.balanceOf(jobOwner.target), funds, 'the escrow goes back whole');
            const info = await contracts.executors.executors(key.address);
            assert.equal(info.stakeAmount, options.minStake - slashed);
            assert.equal(info.activeJobs, 0n);
            await fails(jobs.slashOnExecutionTimeout(job.id), 'JobsInvalidJob');
            await fails(createJob(contracts, { codehash }), 'JobsUnavailableResources'); // stake below the minimum now
            await addStake(contracts, owner, key.address, slashed);
            await createJob(contracts, { codehash });
        });

        test('with some answers, the pool takes what the silent lose', async () => {
            const keys = await fresh(3, { nodesToSelect: 3 });
            const { stakeToken, feeToken, jobs, jobOwner, options } = contracts;
            const pool = chain.account(9).address;
            const job = await createJob(contracts, { codehash, deadline: 1000 });
            await keys[0].submit(sender, job.id, { totalTime: 500 });
            await jump(10);
            const receipt = await (await jobs.connect(sender).slashOnExecutionTimeout(job.id)).wait();
            const names = eventsIn(receipt, jobs).map((e) => e.name);
            assert.deepEqual(names, ['SlashedOnExecutionTimeout', 'SlashedOnExecutionTimeout']);
            assert.equal(await stakeToken.balanceOf(pool), (options.minStake / 100n) * 2n);
            assert.equal(await stakeToken.balanceOf(jobOwner.target), 0n);
            assert.equal(await feeToken.balanceOf(jobs.target), 0n);
            assert.equal(await jobOwner.failed(job.id), false);
        });

        test('the callback gets the gas that is left, and its failure is the owner\'s own', async () => {
            const [key] = await fresh(1);
            const { jobs, jobOwner } = contracts;
            const outcome = async (behaviour, gas, overrides) => {
                await (await jobOwner.setBehaviour(behaviour, gas)).wait();
                const job = await createJob(contracts, { codehash });
                const receipt = await key.submit(sender, job.id, overrides);
                assert.equal((await answersTo(contracts, job.id)).length, 1);
                return eventIn(receipt, jobs, 'JobResultCallbackCalled').args.success;
            };
            assert.equal(await outcome(1, 0, {}), false, 'reverts');
            assert.equal(await outcome(2, 0, { gasLimit: 2_000_000 }), false, 'burns everything');
            assert.equal(await outcome(3, 500_000, { gasLimit: 1_500_000 }), true, 'works, with enough gas');
            assert.equal(await outcome(3, 500_000, { gasLimit: 500_000 }), false, 'starved');
        });

        test('drain comes first: stake and registration end only when idle', async () => {
            const [key] = await fresh(1);
            const { executors, stakeToken, options } = contracts;
            const stranger = chain.account(7);
            await fails(drain(contracts, stranger, key.address), 'ExecutorsInvalidOwner');
            await fails(deregister(contracts, owner, key.address), 'ExecutorsNotDraining');
            await fails(removeStake(contracts, owner, key.address, 1n), 'ExecutorsNotDraining');
            await fails(revive(contracts, owner, key.address), 'ExecutorsAlreadyRevived');
            const job = await createJob(contracts, { codehash });
            const drained = await drain(contracts, owner, key.address);
            assert.equal(eventIn(drained, executors, 'ExecutorDrained').args.enclaveAddress, key.address);
            await fails(drain(contracts, owner, key.address), 'ExecutorsAlreadyDraining');
            await fails(deregister(contracts, owner, key.address), 'ExecutorsHasPendingJobs');
            await fails(removeStake(contracts, owner, key.address, 1n), 'ExecutorsHasPendingJobs');
            await key.submit(sender, job.id, {});
            const removed = await removeStake(contracts, owner, key.address, 7n);
            assert.equal(eventIn(removed, executors, 'ExecutorStakeRemoved').args[1], 7n);
            const ended = await deregister(contracts, owner, key.address);
            assert.deepEqual(eventsIn(ended, executors).map((e) => e.name), [
                'ExecutorStakeRemoved',
                'ExecutorDeregistered',
            ]);
            assert.equal(await stakeToken.balanceOf(executors.target), 0n);
            assert.equal((await executors.executors(key.address)).owner, `0x${'00'.repeat(20)}`);
            await key.register(owner, { stake: options.minStake }); // and it may come back
        });

        test('what is for the Jobs contract and the administrator is for nobody else', async () => {
            const [key] = await fresh(1);
            const other = contracts.executors.connect(chain.account(7));
            await fails(other.slashExecutor(key.address), 'ExecutorsNotJobs');
            await fails(other.releaseExecutor(key.address), 'ExecutorsNotJobs');
            await fails(other.setJobsContract(other.target), 'ExecutorsNotAdmin');
            await fails(contracts.jobOwner.connect(chain.account(7)).setBehaviour(1, 0), 'JobOwnerNotAdmin');
            assert.equal(new Set(Object.values(addressesOf(contracts))).size, 7);
            assert.notEqual(new SigningKey(hexlify(randomBytes(32))).publicKey, key.key.publicKey);
        });
    });
}
