// Deploys the contracts of one generation.
import { Contract, ContractFactory, parseEther } from 'ethers';
import { VERIFIER_PCRS, imageId } from './attestation.mjs';
import { compileContracts } from './compile.mjs';

export const ENV = 1; // the JavaScript environment of generation 2

export const DEFAULTS = {
    generation: 1,
    nodesToSelect: 1,
    executionBufferTime: 5, // s
    signMaxAge: 600, // s
    attestationMaxAge: 3600, // s
    minStake: parseEther('100'),
    slashPercentInBips: 10_000, // 1 %
    executorFeePerMs: 9n * 10n ** 9n,
    stakingRewardPerMs: 10n ** 9n,
};

const JOB_OWNER_FUNDS = parseEther('1000000');

async function deployOne(artifacts, deployer, name, ...args) {
    const { abi, bytecode } = artifacts[name];
    const contract = await new ContractFactory(abi, bytecode, deployer).deploy(...args);
    await contract.waitForDeployment();
    return new Contract(await contract.getAddress(), abi, deployer);
}

function executorsParams(token, attestationVerifier, o) {
    return {
        token,
        minStakeAmount: o.minStake,
        slashPercentInBips: o.slashPercentInBips,
        signMaxAge: o.signMaxAge,
        attestationVerifier,
        attestationMaxAge: o.attestationMaxAge,
    };
}

function jobsParams(stakeToken, feeToken, paymentPool, o) {
    return {
        stakingToken: stakeToken,
        feeToken,
        signMaxAge: o.signMaxAge,
        executionBufferTime: o.executionBufferTime,
        noOfNodesToSelect: o.nodesToSelect,
        executorFeePerMs: o.executorFeePerMs,
        stakingRewardPerMs: o.stakingRewardPerMs,
        paymentPool,
    };
}

const done = async (sent) => (await sent).wait();

// The contract that knows the verifier, by its key and by the image that it runs.
async function deployAttestationVerifier(deploy, attestor, o) {
    const contract = await deploy('AttestationVerifier', o.attestationMaxAge);
    await done(contract.whitelistEnclaveImage(...VERIFIER_PCRS));
    await done(contract.whitelistEnclaveKey(attestor.publicKey, imageId(VERIFIER_PCRS)));
    return contract;
}

// Deploys with the account deployer, who keeps the tokens; jobAdmin may tell the JobOwner contract to create jobs;
// paymentPool is an address; attestor (attestation.mjs) has the verifier's publicKey and the pcrs of the executors'
// image. Returns {generation, options, attestor, attestationVerifier, stakeToken, feeToken, executors, jobs, userCode,
// jobOwner}.
export async function deployContracts({ deployer, jobAdmin, paymentPool, attestor, ...options }) {
    const o = { ...DEFAULTS, ...options };
    const artifacts = compileContracts();
    const deploy = (name, ...args) => deployOne(artifacts, deployer, name, ...args);
    const stakeToken = await deploy('Token', 'Devnet Stake', 'STAKE');
    const feeToken = await deploy('Token', 'Devnet Dollar', 'USD');
    const attestationVerifier = await deployAttestationVerifier(deploy, attestor, o);
    const params = executorsParams(stakeToken.target, attestationVerifier.target, o);
    const executors = await deploy(`ExecutorsGen${o.generation}`, params);
    await done(executors.whitelistEnclaveImage(...attestor.pcrs));
    const jobs = await deploy(
        `JobsGen${o.generation}`,
        jobsParams(stakeToken.target, feeToken.target, paymentPool, o),
        executors.target,
    );
    await done(executors.setJobsContract(jobs.target));
    if (o.generation === 2) await done(executors.initTree(ENV));
    const userCode = await deploy('UserCode');
    const { abi, bytecode } = artifacts.JobOwner;
    const owner = await new ContractFactory(abi, bytecode, jobAdmin).deploy(jobs.target, feeToken.target);
    await owner.waitForDeployment();
    const jobOwner = new Contract(await owner.getAddress(), abi, jobAdmin);
    await done(feeToken.transfer(jobOwner.target, JOB_OWNER_FUNDS));
    const attested = { attestor, attestationVerifier };
    return { generation: o.generation, options: o, ...attested, stakeToken, feeToken, executors, jobs, userCode, jobOwner };
}

// {name: address} of everything that was deployed.
export function addressesOf(contracts) {
    const names = ['attestationVerifier', 'executors', 'jobs', 'userCode', 'stakeToken', 'feeToken', 'jobOwner'];
    return Object.fromEntries(names.map((name) => [name, contracts[name].target]));
}

// Contracts that are deployed already, found from the addresses of a JobOwner and a UserCode contract: as
// deployContracts returns them, as far as jobs need them. author may tell the JobOwner to create jobs.
export async function attachContracts({ author, jobOwner, userCode }) {
    const artifacts = compileContracts();
    const at = (name, address) => new Contract(address, artifacts[name].abi, author);
    const owner = at('JobOwner', jobOwner);
    const jobsAddress = await owner.JOBS();
    const executorsAddress = await at('JobsGen1', jobsAddress).EXECUTORS(); // the same call in both
    const generation = await at('ExecutorsGen2', executorsAddress).isTreeInitialized(ENV).then(
        () => 2,
        () => 1,
    );
    return {
        generation,
        executors: at(`ExecutorsGen${generation}`, executorsAddress),
        jobs: at(`JobsGen${generation}`, jobsAddress),
        userCode: at('UserCode', userCode),
        jobOwner: owner,
    };
}

// The name of the custom error that a transaction or call ends in.
export async function errorOf(contracts, work) {
    try {
        await work;
    } catch (e) {
        if (e.revert) return e.revert.name;
        const { executors, jobs, jobOwner, attestationVerifier } = contracts;
        for (const contract of [executors, jobs, jobOwner, attestationVerifier]) {
            const parsed = e.data && contract.interface.parseError(e.data);
            if (parsed) return parsed.name;
        }
        throw e;
    }
    return null;
}
