// EIP-712 digests against ethers.
import { TypedDataEncoder } from 'ethers';
import { compare } from './harness.mjs';

const field = (text) => text.split(',').map((f) => ({ type: f.split(' ')[0], name: f.split(' ')[1] }));
const structs = {
  gen1: { Register: field('address owner,uint256 jobCapacity,uint256 signTimestamp') },
  gen2: { Register: field('address owner,uint256 jobCapacity,uint8 env,uint256 signTimestamp') },
  output: { SubmitOutput: field('uint256 jobId,bytes output,uint256 totalTime,uint8 errorCode,uint256 signTimestamp') },
  attestation: {
    Attestation: field('bytes enclavePubKey,bytes PCR0,bytes PCR1,bytes PCR2,uint256 timestampInMilliseconds'),
  },
};
structs.image = { Attestation: field('bytes32 imageId,uint64 timestampMs,bytes publicKey,bytes userData') };
structs.configure = {
  ConfigureGasKey: field('address enclave,address gasAddress,uint256 signTimestamp'),
};
const domain = (name) => ({ name, version: '1' });

compare('eip712 register generation 1', (r) => {
  const v = { owner: r.address(), jobCapacity: r.uint(64), signTimestamp: r.uint(64) };
  return [`register ${v.owner} ${v.jobCapacity} -1 ${v.signTimestamp}`,
    TypedDataEncoder.hash(domain('marlin.oyster.Executors'), structs.gen1, v)];
});

compare('eip712 register generation 2', (r) => {
  const v = { owner: r.address(), jobCapacity: r.uint(64), env: r.uint(8), signTimestamp: r.uint(64) };
  return [`register ${v.owner} ${v.jobCapacity} ${v.env} ${v.signTimestamp}`,
    TypedDataEncoder.hash(domain('marlin.oyster.Executors'), structs.gen2, v)];
});

compare('eip712 submit output', (r) => {
  const v = { jobId: r.uint(256), output: r.hex(r.length(400)), totalTime: r.uint(64), errorCode: r.uint(8),
    signTimestamp: r.uint(64) };
  return [`submit_output ${v.jobId} ${v.output} ${v.totalTime} ${v.errorCode} ${v.signTimestamp}`,
    TypedDataEncoder.hash(domain('marlin.oyster.Jobs'), structs.output, v)];
});

compare('eip712 attestation', (r) => {
  const v = { enclavePubKey: r.hex(r.chance(80) ? 64 : r.length(100)), PCR0: r.hex(48), PCR1: r.hex(48),
    PCR2: r.hex(48), timestampInMilliseconds: r.uint(64) };
  return [`attestation ${v.enclavePubKey} ${v.PCR0} ${v.PCR1} ${v.PCR2} ${v.timestampInMilliseconds}`,
    TypedDataEncoder.hash(domain('marlin.oyster.AttestationVerifier'), structs.attestation, v)];
});

compare('eip712 attestation of an image', (r) => {
  const v = { imageId: r.hex(32), timestampMs: r.uint(64), publicKey: r.hex(r.length(100)), userData: r.hex(r.length(600)) };
  return [`image_attestation ${v.imageId} ${v.timestampMs} ${v.publicKey} ${v.userData}`,
    TypedDataEncoder.hash(domain('marlin.oyster.AttestationVerifier'), structs.image, v)];
});

compare('eip712 configure gas key', (r) => {
  const v = { enclave: r.address(), gasAddress: r.address(), signTimestamp: r.uint(64) };
  return [`configure_gas_key ${v.enclave} ${v.gasAddress} ${v.signTimestamp}`,
    TypedDataEncoder.hash(domain('marlin.oyster.Executor'), structs.configure, v)];
}, 2000);
