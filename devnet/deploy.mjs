// Deploys the contracts on a chain that runs already. USAGE says what it takes.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { SigningKey, getBytes, hexlify, randomBytes } from 'ethers';
import { PCRS } from './lib/attestation.mjs';
import { connect, fundedAccount } from './lib/chain.mjs';
import { needChain, readArgs, tellFailure, wholeNumber } from './lib/cli.mjs';
import { addressesOf, deployContracts } from './lib/contracts.mjs';
import { ROLES } from './lib/devnet.mjs';
import { nodeConfig } from './lib/node.mjs';
import { publicKey64 } from './lib/signing.mjs';

const USAGE = `Usage: node devnet/deploy.mjs [options]

Deploys the contracts on a chain that runs already (anvil's accounts pay), prints every address and writes a config file for an
executor there. The contracts trust the verifier with the key pair that is named: run oyster-attestation-verifier with it,
pinned to the root of the devnet-nsm that makes the documents.

  --rpc URL            endpoint of the chain [default: http://127.0.0.1:8545]
  --ws URL             its WebSocket endpoint [default: as --rpc]
  --generation 1|2     of the contracts [default: 2]
  --nodes-to-select N  executors of a job [default: 1]
  --config FILE        the config file that is written [default: oyster_serverless_executor_config.json]
  --signer FILE        the enclave key, made where there is none [default: enclave.key]
  --verifier PATH      the verifier's keys PATH.sec and PATH.pub, made where there are none [default: verifier]`;

const { values } = readArgs('deploy', USAGE, {
    rpc: { type: 'string', default: 'http://127.0.0.1:8545' },
    ws: { type: 'string' },
    generation: { type: 'string', default: '2' },
    'nodes-to-select': { type: 'string', default: '1' },
    config: { type: 'string', default: 'oyster_serverless_executor_config.json' },
    signer: { type: 'string', default: 'enclave.key' },
    verifier: { type: 'string', default: 'verifier' },
});
const generation = wholeNumber('deploy', values, 'generation', 1, 2);
const nodesToSelect = wholeNumber('deploy', values, 'nodes-to-select', 1, 255);

// The public key of a verifier whose key pair lies beside.
function verifierKey(path) {
    if (!existsSync(`${path}.sec`)) {
        const key = new SigningKey(hexlify(randomBytes(32)));
        writeFileSync(`${path}.sec`, getBytes(key.privateKey), { mode: 0o600 });
        writeFileSync(`${path}.pub`, getBytes(publicKey64(key)));
    }
    return hexlify(readFileSync(`${path}.pub`));
}

await needChain('deploy', values.rpc);
const provider = connect(values.rpc);
try {
    const contracts = await deployContracts({
        attestor: { publicKey: verifierKey(resolve(values.verifier)), pcrs: PCRS },
        deployer: fundedAccount(provider, ROLES.deployer),
        jobAdmin: fundedAccount(provider, ROLES.author),
        paymentPool: fundedAccount(provider, ROLES.paymentPool).address,
        generation,
        nodesToSelect,
    });
    for (const [name, address] of Object.entries(addressesOf(contracts))) console.log(`${name.padEnd(20)} ${address}`);

    const signerFile = resolve(values.signer);
    if (!existsSync(signerFile)) writeFileSync(signerFile, randomBytes(32), { mode: 0o600 });
    const chain = {
        chainId: Number((await provider.getNetwork()).chainId),
        httpUrl: values.rpc,
        wsUrl: values.ws ?? values.rpc.replace(/^http/, 'ws'),
    };
    writeFileSync(values.config, `${JSON.stringify(nodeConfig({ chain, contracts, signerFile }), null, 4)}\n`);
    console.log(`config     ${resolve(values.config)}\nsigner     ${signerFile}`);
    console.log(`verifier   ${resolve(values.verifier)}.sec and .pub; image of the enclaves: PCR0, 1, 2 ${PCRS.join(' ')}`);
} catch (e) {
    tellFailure('deploy', e);
} finally {
    provider.destroy();
}
