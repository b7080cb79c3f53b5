// What a person needs who works with a devnet from a shell: addresses and key files, in a file to be sourced.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const STAKES = 3n; // that the owner may put up, in minimal ones
const FEES = 10n ** 24n; // that the author may spend on jobs

// Writes dir/devnet.env and the keys that it names, gives their accounts what they need, and returns the path.
export async function writeHandout(net, dir) {
    mkdirSync(dir, { recursive: true });
    const { stakeToken, feeToken, options } = net.contracts;
    await (await stakeToken.transfer(net.owner.address, STAKES * options.minStake)).wait();
    await (await feeToken.transfer(net.author.address, FEES)).wait();
    const keyFile = (name, account) => {
        const path = resolve(dir, `${name}.key`);
        writeFileSync(path, `${account.privateKey}\n`, { mode: 0o600 });
        return path;
    };
    const known = whereabouts(net);
    const lines = Object.entries({ ...known, ...forOysterctl(known), ...accounts(net, keyFile) });
    const path = resolve(join(dir, 'devnet.env'));
    writeFileSync(path, lines.map(([name, value]) => `export ${name}=${value}\n`).join(''));
    return path;
}

function whereabouts({ chain, contracts, attestor }) {
    return {
        CHAIN_ID: chain.chainId,
        RPC_URL: chain.httpUrl,
        WS_URL: chain.wsUrl,
        EXECUTORS_CONTRACT: contracts.executors.target,
        JOBS_CONTRACT: contracts.jobs.target,
        CODE_CONTRACT: contracts.userCode.target,
        JOB_OWNER_CONTRACT: contracts.jobOwner.target,
        OYSTER_EXECUTOR_NSM_DEVICE: attestor.hypervisor.device, // what a node that is started here finds as its setting
        VERIFIER_URL: attestor.verifier.url,
        NITRO_ROOT: attestor.hypervisor.root,
    };
}

// What oysterctl takes as options, so that it needs none of them.
function forOysterctl(known) {
    const names = ['CHAIN_ID', 'RPC_URL', 'EXECUTORS_CONTRACT', 'JOBS_CONTRACT', 'CODE_CONTRACT'];
    return Object.fromEntries(names.map((name) => [`OYSTERCTL_${name}`, known[name]]));
}

function accounts(net, keyFile) {
    const gas = net.newGasAccount();
    return {
        OWNER: net.owner.address,
        OWNER_KEY_FILE: keyFile('owner', net.owner),
        AUTHOR: net.author.address,
        AUTHOR_KEY_FILE: keyFile('author', net.author),
        GAS: gas.address,
        GAS_KEY_FILE: keyFile('gas', gas),
    };
}
