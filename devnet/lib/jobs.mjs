// The job author's side: saving code, creating jobs, waiting for answers.
import { hexlify, toUtf8Bytes } from 'ethers';
import { ENV } from './contracts.mjs';
import { waitFor } from './proc.mjs';

// The events of one contract in a receipt, parsed.
export function eventsIn(receipt, contract) {
    return receipt.logs
        .filter((log) => log.address === contract.target)
        .map((log) => contract.interface.parseLog(log))
        .filter((event) => event !== null);
}

export function eventIn(receipt, contract, name) {
    const event = eventsIn(receipt, contract).find((e) => e.name === name);
    if (event === undefined) throw new Error(`no ${name} in transaction ${receipt.hash}`);
    return event;
}

// A module whose answer to a request is what the body returns.
export const handler = (body) => `export default { async fetch(request) { ${body} } };`;

// Saves code and returns the transaction hash by which jobs name it. With metadata (bytes) by the newer call.
export async function saveCode(contracts, sender, code, { metadata } = {}) {
    const userCode = contracts.userCode.connect(sender);
    const tx =
        metadata === undefined
            ? await userCode['saveCodeInCallData(string)'](code)
            : await userCode['saveCodeInCallData(string,bytes)'](code, metadata);
    return (await tx.wait()).hash;
}

// Creates a job through the JobOwner contract. inputs: text, bytes, or a value to be sent as JSON.
// Returns {id, selected, receipt, createdAt (ms, when the receipt came)}.
export async function createJob(contracts, { codehash, inputs = '', deadline = 5000, ...overrides }) {
    const { jobOwner, jobs, generation } = contracts;
    const text = typeof inputs === 'string' || inputs instanceof Uint8Array ? inputs : JSON.stringify(inputs);
    const bytes = hexlify(typeof text === 'string' ? toUtf8Bytes(text) : text);
    const tx =
        generation === 1
            ? await jobOwner['createJob(bytes32,bytes,uint256)'](codehash, bytes, deadline, overrides)
            : await jobOwner['createJob(uint8,bytes32,bytes,uint256)'](ENV, codehash, bytes, deadline, overrides);
    const receipt = await tx.wait();
    const { jobId, selectedExecutors } = eventIn(receipt, jobs, 'JobCreated').args;
    return { id: jobId, selected: [...selectedExecutors], receipt, createdAt: Date.now() };
}

const answerIn = (log) => ({
    output: log.args.output,
    totalTime: Number(log.args.totalTime),
    errorCode: Number(log.args.errorCode),
    outputCount: Number(log.args.outputCount),
    executor: log.args.executor, // generation 2 only
    txHash: log.transactionHash,
    block: log.blockNumber,
});

// The answers to a job so far, in order: {output (bytes as hex), totalTime, errorCode, outputCount, executor, txHash,
// block}.
export async function answersTo(contracts, jobId) {
    const { jobs } = contracts;
    return (await jobs.queryFilter(jobs.filters.JobResponded(jobId), 0, 'latest')).map(answerIn);
}

// All answers of one Jobs contract, read on block by block: many wait for theirs at the price of one. When the block
// read last is not the chain's any more, it is read anew.
class AnswerBook {
    #answers = new Map();
    #last = null; // the block up to which was read
    #reading = null;

    constructor(jobs) {
        this.jobs = jobs;
    }

    // Reads what is new, once for all who ask meanwhile.
    refresh() {
        this.#reading ??= this.#read().finally(() => (this.#reading = null));
        return this.#reading;
    }

    async #read() {
        const { provider } = this.jobs.runner;
        const head = await provider.getBlock('latest');
        if (head.hash === this.#last?.hash) return;
        if (this.#last && (await provider.getBlock(this.#last.number))?.hash !== this.#last.hash) {
            this.#answers.clear();
            this.#last = null;
        }
        const from = this.#last ? this.#last.number + 1 : 0;
        for (const log of await this.jobs.queryFilter(this.jobs.filters.JobResponded(), from, head.number)) {
            const { jobId } = log.args;
            this.#answers.set(jobId, [...this.of(jobId), answerIn(log)]);
        }
        this.#last = head;
    }

    of(jobId) {
        return this.#answers.get(jobId) ?? [];
    }
}

const books = new WeakMap();
function bookOf({ jobs }) {
    if (!books.has(jobs)) books.set(jobs, new AnswerBook(jobs));
    return books.get(jobs);
}

// Waits until a job has n answers and returns them.
export async function waitAnswers(contracts, jobId, { n = 1, timeoutMs = 30_000 } = {}) {
    const book = bookOf(contracts);
    return waitFor(
        `${n} answer(s) to job ${jobId}`,
        async () => {
            await book.refresh();
            return book.of(jobId).length >= n && book.of(jobId);
        },
        { timeoutMs, everyMs: 50 },
    );
}

// The first answer to a job.
export const waitAnswer = async (contracts, jobId, options) => (await waitAnswers(contracts, jobId, options))[0];
