// A local network that stays up until it is interrupted (`make devnet`).
//   node devnet/devnet.mjs [--generation 1|2] [--nodes N] [--rpc-port 8545] [--port 6001]
import { parseArgs } from 'node:util';
import { Devnet } from './lib/devnet.mjs';

const { values } = parseArgs({
    options: {
        generation: { type: 'string', default: '2' },
        nodes: { type: 'string', default: '1' },
        'rpc-port': { type: 'string', default: '8545' },
        port: { type: 'string', default: '6001' },
    },
});

function explain(net, generation) {
    const { chain, contracts, nodes } = net;
    const create = generation === 1 ? 'createJob(bytes32,bytes,uint256)' : 'createJob(uint8,bytes32,bytes,uint256)';
    console.log(`chain      ${chain.httpUrl}  ${chain.wsUrl}  chain id ${chain.chainId}, log ${chain.child.logFile}`);
    console.log(`contracts  generation ${generation}`);
    for (const [name, address] of Object.entries(net.addresses())) {
        console.log(`           ${name.padEnd(10)} ${address}`);
    }
    for (const node of nodes) {
        console.log(`${node.name.padEnd(10)} enclave ${node.address}, API ${node.url}`);
        console.log(`           config ${node.configFile}, log ${node.logFile}`);
    }
    console.log(`keys       owner of the nodes ${net.owner.privateKey}`);
    console.log(`           job author (may call jobOwner.${create}) ${net.author.privateKey}`);
    console.log(`try        curl ${nodes[0]?.url ?? 'NODE'}/executor-details`);
    console.log(`           node devnet/job.mjs --rpc ${chain.httpUrl} --job-owner ${contracts.jobOwner.target} \\`);
    console.log(`               --user-code ${contracts.userCode.target} devnet/code/factorise.js '{"num": 600}'`);
    console.log('Ctrl-C ends it all.');
}

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
    explain(net, generation);
} catch (e) {
    if (!stopping) {
        for (const node of net.nodes) console.error(`--- log of ${node.name}\n${node.child?.log()}---`);
        console.error(`devnet: ${e.message}`);
        await stop(1);
    }
}
