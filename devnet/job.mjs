// Runs one job on a running devnet and prints its output. USAGE says what it takes.
import { readFileSync } from 'node:fs';
import { toUtf8String } from 'ethers';
import { connect, fundedAccount } from './lib/chain.mjs';
import { needChain, readArgs, refuse, tellFailure, wholeNumber } from './lib/cli.mjs';
import { attachContracts } from './lib/contracts.mjs';
import { ROLES } from './lib/devnet.mjs';
import { createJob, saveCode, waitAnswer } from './lib/jobs.mjs';

const USAGE = `Usage: node devnet/job.mjs [options] CODE.js [INPUT]

Saves the code, creates a job with INPUT on a devnet (make devnet) and prints its output. The devnet's job author signs. Once
devnet.env was sourced, the chain and its contracts are known. The exit code is the answer's error code.

  --rpc URL            endpoint of the chain [default: RPC_URL of the environment, or http://127.0.0.1:8545]
  --job-owner ADDRESS  contract that creates the job [default: JOB_OWNER_CONTRACT of the environment]
  --user-code ADDRESS  contract that takes the code [default: CODE_CONTRACT of the environment]
  --deadline MS        [default: 5000]`;

const options = {
    rpc: { type: 'string', default: process.env.RPC_URL ?? 'http://127.0.0.1:8545' },
    'job-owner': { type: 'string', default: process.env.JOB_OWNER_CONTRACT },
    'user-code': { type: 'string', default: process.env.CODE_CONTRACT },
    deadline: { type: 'string', default: '5000' },
};
const { values, positionals } = readArgs('job', USAGE, options, true);
const [codeFile, inputs = ''] = positionals;
const deadline = wholeNumber('job', values, 'deadline', 1, 3_600_000);
if (!codeFile) refuse('job', 'a file of code is missing');
if (!values['job-owner'] || !values['user-code']) {
    refuse('job', 'the contracts are not known: source devnet.env, or give --job-owner and --user-code');
}

await needChain('job', values.rpc);
const provider = connect(values.rpc);
try {
    const author = fundedAccount(provider, ROLES.author);
    const contracts = await attachContracts({ author, jobOwner: values['job-owner'], userCode: values['user-code'] });
    const codehash = await saveCode(contracts, author, readFileSync(codeFile, 'utf8'));
    const job = await createJob(contracts, { codehash, inputs, deadline });
    console.error(`job ${job.id}, code ${codehash}, for ${job.selected.join(', ')}`);
    const answer = await waitAnswer(contracts, job.id, { timeoutMs: deadline + 30_000 });
    console.error(`error code ${answer.errorCode}, ${answer.totalTime} ms, transaction ${answer.txHash}`);
    console.log(toUtf8String(answer.output));
    process.exitCode = answer.errorCode;
} catch (e) {
    tellFailure('job', e);
} finally {
    provider.destroy();
}
