// A local chain: anvil on a free port, and accounts that send.
import { join } from 'node:path';
import { HDNodeWallet, JsonRpcProvider, Mnemonic, Wallet, parseUnits } from 'ethers';
import { anvilBinary } from './paths.mjs';
import { Child, waitFor } from './proc.mjs';

const MNEMONIC = Mnemonic.fromPhrase('test test test test test test test test test test test junk'); // anvil's own
const ACCOUNTS = 40;
export const FEES = { type: 2, maxFeePerGas: parseUnits('100', 'gwei'), maxPriorityFeePerGas: parseUnits('1', 'gwei') };

// A wallet whose transactions go out in the order asked for, each with the next nonce.
export class Account extends Wallet {
    #last = Promise.resolve();
    #nonce = null;

    sendTransaction(tx) {
        const sent = this.#last.then(() => this.#send(tx));
        this.#last = sent.catch(() => {});
        return sent;
    }

    // The chain went back: the next nonce is asked for anew.
    reset() {
        this.#nonce = null;
    }

    async #send(tx) {
        this.#nonce ??= await this.getNonce('pending');
        try {
            // Half as much again: which executors are drawn, and so what it costs, is only known in the block.
            const gasLimit = tx.gasLimit ?? ((await this.estimateGas(tx)) * 3n) / 2n;
            const response = await super.sendTransaction({ ...FEES, ...tx, gasLimit, nonce: this.#nonce });
            this.#nonce++;
            return response;
        } catch (e) {
            this.#nonce = null;
            throw e;
        }
    }
}

// The i-th account that anvil has funded.
export function fundedAccount(provider, i) {
    const { privateKey } = HDNodeWallet.fromMnemonic(MNEMONIC, `m/44'/60'/0'/0/${i}`);
    return new Account(privateKey, provider);
}

export function connect(url) {
    const provider = new JsonRpcProvider(url, undefined, { staticNetwork: true, batchMaxCount: 1, cacheTimeout: -1 });
    provider.pollingInterval = 50;
    return provider;
}

// Blocks come at once with each transaction, and every blockTime seconds without any: the clock of a real chain goes on
// when nothing happens.
export class Chain {
    accounts = [];

    static async start({ dir, blockTime = 1, chainId = 31337, port = 0, args = [] }) {
        const chain = new Chain();
        const logFile = join(dir, 'anvil.log');
        const given = ['--port', String(port), '--accounts', String(ACCOUNTS), '--chain-id', String(chainId)];
        const mining = ['--block-time', String(blockTime), '--mixed-mining'];
        chain.child = new Child('anvil', anvilBinary(), [...given, ...mining, ...args], { logFile });
        chain.chainId = chainId;
        chain.port = await waitFor('anvil to listen', () => {
            if (!chain.child.running) throw new Error(`anvil ended: ${chain.child.log()}`);
            return Number(chain.child.log().match(/Listening on 127\.0\.0\.1:(\d+)/)?.[1]);
        });
        chain.httpUrl = `http://127.0.0.1:${chain.port}`;
        chain.wsUrl = `ws://127.0.0.1:${chain.port}`;
        chain.provider = connect(chain.httpUrl);
        return chain;
    }

    // One object an account: it counts the nonces.
    account(i) {
        this.accounts[i] ??= fundedAccount(this.provider, i);
        return this.accounts[i];
    }

    async time() {
        return (await this.provider.getBlock('latest')).timestamp;
    }

    async stop() {
        this.provider.destroy();
        await this.child.stop('SIGKILL');
    }
}
