// Deploys the contracts of one generation on a chain that runs already (anvil's accounts pay), prints every address
// and writes a config file for an executor there, with a new enclave key beside it where there is none:
//   node devnet/deploy.mjs [--rpc http://127.0.0.1:8545] [--ws URL] [--generation 1|2] [--nodes-to-select 1]
//       [--config oyster_serverless_executor_config.json] [--signer enclave.key]
import { existsSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { randomBytes } from 'ethers';
import { connect, fundedAccount } from './lib/chain.mjs';
import { addressesOf, deployContracts } from './lib/contracts.mjs';
import { ROLES } from './lib/devnet.mjs';
import { nodeConfig } from './lib/node.mjs';

const { values } = parseArgs({
    options: {
        rpc: { type: 'string', default: 'http://127.0.0.1:8545' },
        ws: { type: 'string' },
        generation: { type: 'string', default: '2' },
        'nodes-to-select': { type: 'string', default: '1' },
        config: { type: 'string', default: 'oyster_serverless_executor_config.json' },
        signer: { type: 'string', default: 'enclave.key' },
    },
});

const provider = connect(values.rpc);
try {
    const contracts = await deployContracts({
        deployer: fundedAccount(provider, ROLES.deployer),
        jobAdmin: fundedAccount(provider, ROLES.author),
        paymentPool: fundedAccount(provider, ROLES.paymentPool).address,
        generation: Number(values.generation),
        nodesToSelect: Number(values['nodes-to-select']),
    });
    for (const [name, address] of Object.entries(addressesOf(contracts))) console.log(`${name.padEnd(10)} ${address}`);

    const signerFile = resolve(values.signer);
    if (!existsSync(signerFile)) writeFileSync(signerFile, randomBytes(32), { mode: 0o600 });
    const chain = {
        chainId: Number((await provider.getNetwork()).chainId),
        httpUrl: values.rpc,
        wsUrl: values.ws ?? values.rpc.replace(/^http/, 'ws'),
    };
    writeFileSync(values.config, `${JSON.stringify(nodeConfig({ chain, contracts, signerFile }), null, 4)}\n`);
    console.log(`config     ${resolve(values.config)}\nsigner     ${signerFile}`);
} finally {
    provider.destroy();
}
