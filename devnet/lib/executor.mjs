// The owner's side of an executor: registration, stake, drain; and executors that exist on chain alone.
import { SigningKey, computeAddress, hexlify, randomBytes } from 'ethers';
import { ENV } from './contracts.mjs';
import { publicKey64, signOutput, signRegistration } from './signing.mjs';

const mined = async (sent) => (await sent).wait();

// Registers an enclave: registration is what /signed-registration-message answers. owner is an Account. attestation:
// what to hand in rather than what the devnet's verifier says of it, as Attestor.attest has it.
export async function registerExecutor(contracts, { owner, enclavePubKey, registration, stake, attestation }) {
    const { stakeToken, executors, generation, options } = contracts;
    const amount = stake ?? options.minStake;
    await mined(stakeToken.transfer(owner.address, amount));
    await mined(stakeToken.connect(owner).approve(executors.target, amount));
    const signature = registration.signature.startsWith('0x') ? registration.signature : `0x${registration.signature}`;
    const args = [
        ...(attestation ?? (await contracts.attestor.attest(enclavePubKey))),
        registration.job_capacity,
        registration.sign_timestamp,
        signature,
        amount,
    ];
    if (generation === 2) args.push(registration.env);
    return mined(executors.connect(owner).registerExecutor(...args));
}

export const drain = (contracts, owner, enclave) => mined(contracts.executors.connect(owner).drainExecutor(enclave));
export const revive = (contracts, owner, enclave) => mined(contracts.executors.connect(owner).reviveExecutor(enclave));
export const deregister = (contracts, owner, enclave) =>
    mined(contracts.executors.connect(owner).deregisterExecutor(enclave));

export async function addStake(contracts, owner, enclave, amount) {
    const { stakeToken, executors } = contracts;
    await mined(stakeToken.transfer(owner.address, amount));
    await mined(stakeToken.connect(owner).approve(executors.target, amount));
    return mined(executors.connect(owner).addExecutorStake(enclave, amount));
}

export const removeStake = (contracts, owner, enclave, amount) =>
    mined(contracts.executors.connect(owner).removeExecutorStake(enclave, amount));

// An enclave key in our own hands: registers like a node and answers only when it is told to.
export class KeyExecutor {
    constructor(contracts, key = new SigningKey(hexlify(randomBytes(32)))) {
        this.contracts = contracts;
        this.key = key;
        this.address = computeAddress(key);
    }

    registration(owner, { jobCapacity = 20, timestamp = Math.floor(Date.now() / 1000), env = ENV } = {}) {
        const value = { owner, jobCapacity, signTimestamp: timestamp, env };
        const message = { job_capacity: jobCapacity, owner, sign_timestamp: timestamp };
        if (this.contracts.generation === 2) message.env = env;
        else delete value.env;
        return { ...message, signature: signRegistration(this.key, this.contracts.generation, value) };
    }

    register(owner, { stake, attestation, ...rest } = {}) {
        const registration = this.registration(owner.address, rest);
        const enclavePubKey = publicKey64(this.key);
        return registerExecutor(this.contracts, { owner, enclavePubKey, registration, stake, attestation });
    }

    // Answers a job from account sender. Returns the receipt.
    async submit(sender, jobId, { output = '0x', totalTime = 100, errorCode = 0, timestamp, ...overrides } = {}) {
        const signTimestamp = timestamp ?? Math.floor(Date.now() / 1000);
        const signature = signOutput(this.key, { jobId, output, totalTime, errorCode, signTimestamp });
        const jobs = this.contracts.jobs.connect(sender);
        return mined(jobs.submitOutput(signature, jobId, output, totalTime, errorCode, signTimestamp, overrides));
    }
}
