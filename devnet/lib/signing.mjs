// What enclaves and their verifier sign (EIP-712, domains of name and version alone).
import { TypedDataEncoder, getBytes, hexlify } from 'ethers';

const REGISTER_GEN1 = [
    { name: 'owner', type: 'address' },
    { name: 'jobCapacity', type: 'uint256' },
    { name: 'signTimestamp', type: 'uint256' },
];
const REGISTER_GEN2 = [REGISTER_GEN1[0], REGISTER_GEN1[1], { name: 'env', type: 'uint8' }, REGISTER_GEN1[2]];
const SUBMIT_OUTPUT = [
    { name: 'jobId', type: 'uint256' },
    { name: 'output', type: 'bytes' },
    { name: 'totalTime', type: 'uint256' },
    { name: 'errorCode', type: 'uint8' },
    { name: 'signTimestamp', type: 'uint256' },
];
const ATTESTATION = [
    { name: 'enclavePubKey', type: 'bytes' },
    { name: 'PCR0', type: 'bytes' },
    { name: 'PCR1', type: 'bytes' },
    { name: 'PCR2', type: 'bytes' },
    { name: 'timestampInMilliseconds', type: 'uint256' },
];

function sign(key, domain, type, fields, value) {
    const digest = TypedDataEncoder.hash({ name: `marlin.oyster.${domain}`, version: '1' }, { [type]: fields }, value);
    return key.sign(digest).serialized;
}

// The 64 bytes of a public key, without the leading 04.
export const publicKey64 = (key) => hexlify(getBytes(key.publicKey).slice(1));

export function signRegistration(key, generation, value) {
    return sign(key, 'Executors', 'Register', generation === 1 ? REGISTER_GEN1 : REGISTER_GEN2, value);
}

export const signOutput = (key, value) => sign(key, 'Jobs', 'SubmitOutput', SUBMIT_OUTPUT, value);

// What a verifier signs; on a devnet oyster-attestation-verifier does (attestation.mjs).
export const signAttestation = (key, value) => sign(key, 'AttestationVerifier', 'Attestation', ATTESTATION, value);
