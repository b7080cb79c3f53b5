// A local network that stays up until it is interrupted (`make devnet`).
//   node devnet/devnet.mjs [--generation 1|2] [--nodes N] [--rpc-port 8545] [--port 6001] [--out devnet/out/net]
// With --nodes 0 the first node is yours: docs/operators.md goes that way. --out: the folder for devnet.env and keys.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Devnet } from './lib/devnet.mjs';
import { writeHandout } from './lib/handout.mjs';
import { OUT } from './lib/paths.mjs';

const { values } = parseArgs({
    options: {
        generation: { type: 'string', default: '2' },
        nodes: { type: 'string', default: '1' },
        'rpc-port': { type: 'string', default: '8545' },
        port: { type: 'string', default: '6001' },
        out: { type: 'string', default: join(OUT, 'net') },
    },
});

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

const generation = Number(values.generation);
const net = await Devnet.start({ generation, chain: { port: Number(values['rpc-port']) } });
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
    for (let i = 0; i < Number(values.nodes); i++) {
        const node = net.newNode();
        await node.start({ port: Number(values.port) + i });
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
