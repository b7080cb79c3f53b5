// A whole local network: a chain, the contracts of one generation, executor processes that are registered.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Attestor, imageId, pcrsOf } from './attestation.mjs';
import { Chain } from './chain.mjs';
import { addressesOf, deployContracts } from './contracts.mjs';
import { KeyExecutor, registerExecutor } from './executor.mjs';
import { ExecutorNode } from './node.mjs';

// Which of the chain's funded accounts plays whom.
export const ROLES = { deployer: 0, owner: 1, author: 2, bystander: 3, paymentPool: 9, firstGas: 10 };

export class Devnet {
    // chain, contracts: options of Chain.start and deployContracts. dir: default a new temporary folder.
    static async start({ generation = 1, dir, chain = {}, contracts = {} } = {}) {
        const net = new Devnet();
        net.dir = dir ?? mkdtempSync(join(tmpdir(), 'oyster-')); // short: unix sockets live below
        net.removeDir = () => dir === undefined && rmSync(net.dir, { recursive: true, force: true });
        process.once('exit', net.removeDir); // when nobody comes to call stop()
        net.nodes = [];
        net.nextGas = ROLES.firstGas;
        try {
            net.attestor = await Attestor.start({ dir: net.dir });
            net.chain = await Chain.start({ dir: net.dir, ...chain });
            net.contracts = await deployContracts({
                attestor: net.attestor,
                deployer: net.chain.account(ROLES.deployer),
                jobAdmin: net.chain.account(ROLES.author),
                paymentPool: net.chain.account(ROLES.paymentPool).address,
                generation,
                ...contracts,
            });
        } catch (e) {
            await net.stop();
            throw e;
        }
        net.owner = net.chain.account(ROLES.owner);
        net.author = net.chain.account(ROLES.author);
        net.bystander = net.chain.account(ROLES.bystander);
        return net;
    }

    // An account that nobody has used yet, to pay an executor's gas.
    newGasAccount() {
        return this.chain.account(this.nextGas++);
    }

    // A node that is not started yet; chain: where its config points, when not directly at the chain.
    newNode({ name = `node${this.nodes.length}`, chain = this.chain, ...options } = {}) {
        const { dir, contracts } = this;
        const node = new ExecutorNode({ name, dir, chain, contracts, ...options });
        this.nodes.push(node);
        return node;
    }

    // The owner's two calls.
    async configure(node) {
        await node.setOwner(this.owner.address);
        node.gas = this.newGasAccount();
        await node.setGasKey(node.gas);
    }

    // Asks the node for its message and registers it with an attestation: the document (the one that the node gets from
    // its security module), vouched for by the devnet's verifier.
    async register(node, { stake, document: given } = {}) {
        const registration = await node.registrationMessage();
        const document = given ?? (await node.document());
        const attestation = await this.attestor.vouched(document);
        node.attestation = { document, imageId: imageId(pcrsOf(attestation)) };
        return registerExecutor(this.contracts, { owner: this.owner, registration, stake, attestation });
    }

    // A node that runs, is configured and registered.
    async addNode({ stake, ...options } = {}) {
        const node = this.newNode(options);
        await node.start();
        await this.configure(node);
        await this.register(node, { stake });
        return node;
    }

    // A registered executor that no process runs: silent unless told to answer.
    async addSilentExecutor(options) {
        const silent = new KeyExecutor(this.contracts);
        await silent.register(this.owner, options);
        return silent;
    }

    addresses() {
        return addressesOf(this.contracts);
    }

    async stop() {
        await Promise.all((this.nodes ?? []).map((node) => node.stop()));
        await this.chain?.stop();
        await this.attestor?.stop();
        this.removeDir();
        process.removeListener('exit', this.removeDir);
    }
}
