// A local network that stays up until it is interrupted (`make devnet`). USAGE says what it takes.
import { join } from 'node:path';
import { readArgs, wholeNumber } from './lib/cli.mjs';
import { Devnet } from './lib/devnet.mjs';
import { writeHandout } from './lib/handout.mjs';
import { OUT } from './lib/paths.mjs';

const USAGE = `Usage: node devnet/devnet.mjs [options]

A local chain with contracts, a verifier and nodes, until Ctrl-C.

  --generation 1|2   of the contracts [default: 2]
  --nodes N          registered nodes; with 0 the first is yours, as docs/operators.md has it [default: 1]
  --rpc-port PORT    of the chain, 0 for any free one [default: 8545]
  --port PORT        of the first node's API; the next ones follow [default: 6001]
  --out FOLDER       for devnet.env and its key files [default: devnet/out/net]`;
const NODES_MAX = 20; // funded accounts that may pay their gas

const { values } = readArgs('devnet', USAGE, {
    generation: { type: 'string', default: '2' },
    nodes: { type: 'string', default: '1' },
    'rpc-port': { type: 'string', default: '8545' },
    port: { type: 'string', default: '6001' },
    out: { type: 'string', default: join(OUT, 'net') },
});
const generation = wholeNumber('devnet', values, 'generation', 1, 2);
const nodes = wholeNumber('devnet', values, 'nodes', 0, NODES_MAX);
const rpcPort = wholeNumber('devnet', values, 'rpc-port', 0, 65535);
const firstPort = wholeNumber('devnet', values, 'port', 1, 65535 - NODES_MAX);

function explain(net, generation, envFile) {
    const { chain, nodes } = net;
    console.log(`chain      ${chain.httpUrl}  ${chain.wsUrl}  chain id ${chain.chainId}, log ${chain.child.logFile}`);
    console.log(`contracts  generation ${generation}`);
    for (const [name, address] of Object.entries(net.addresses())) {
        console.log(`           ${name.padEnd(20)} ${address}`);
    }
    const { hypervisor, verifier } = net.attestor;
    console.log(`module     ${hypervisor.device}  the Nitro Secure Module of the devnet's nodes`);
    console.log(`verifier   ${verifier.url}  oyster-attestation-verifier, key ${net.attestor.address}`);
    for (const node of nodes) {
        console.log(`${node.name.padEnd(10)} enclave ${node.address}, API ${node.url}`);
        console.log(`           dashboard ${node.monitorUrl}/dashboard, with /metrics and /healthz?verbose beside it`);
        console.log(`           config ${node.configFile}, log ${node.logFile}`);
    }
    console.log(`for you    ${envFile}: addresses, an owner, a job author and a gas account with their key files`);
    console.log(`try        source ${envFile}`);
    for (const line of tries(nodes[0])) console.log(`           ${line}`);
    console.log('Ctrl-C ends it all.');
}

const tries = (node) =>
    node === undefined
        ? ['and go on as docs/operators.md says']
        : [`curl ${node.url}/executor-details`, `node devnet/job.mjs devnet/code/factorise.js '{"num": 600}'`];

const net = await Devnet.start({ generation, chain: { port: rpcPort } });
const stay = setInterval(() => {}, 1 << 30); // children do not keep us
let stopping = false;
const stop = async (code) => {
    if (stopping) process.exit(130);
    stopping = true;
    clearInterval(stay);
    await net.stop();
    process.exit(code);
};
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stop(0));
try {
    for (let i = 0; i < nodes; i++) {
        const node = net.newNode();
        await node.start({ port: firstPort + i });
        await net.configure(node);
        await net.register(node);
    }
    explain(net, generation, await writeHandout(net, values.out));
} catch (e) {
    if (!stopping) {
        for (const node of net.nodes) console.error(`--- log of ${node.name}\n${node.child?.log()}---`);
        console.error(`devnet: ${e.message}`);
        await stop(1);
    }
}
