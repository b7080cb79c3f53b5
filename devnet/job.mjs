// Runs one job on a running devnet and prints its output:
//   node devnet/job.mjs [--rpc URL] [--job-owner 0x…] [--user-code 0x…] CODE.js [INPUT]
// Where the chain and its contracts are is taken from the devnet's devnet.env, when that was sourced. The key is that of
// the devnet's job author.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { toUtf8String } from 'ethers';
import { connect, fundedAccount } from './lib/chain.mjs';
import { attachContracts } from './lib/contracts.mjs';
import { ROLES } from './lib/devnet.mjs';
import { createJob, saveCode, waitAnswer } from './lib/jobs.mjs';

const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
        rpc: { type: 'string', default: process.env.RPC_URL ?? 'http://127.0.0.1:8545' },
        'job-owner': { type: 'string', default: process.env.JOB_OWNER_CONTRACT },
        'user-code': { type: 'string', default: process.env.CODE_CONTRACT },
        deadline: { type: 'string', default: '5000' },
    },
});
const [codeFile, inputs = ''] = positionals;
if (!values['job-owner'] || !values['user-code'] || !codeFile) {
    console.error('usage: node devnet/job.mjs --job-owner 0x… --user-code 0x… [--rpc URL] [--deadline MS] FILE [INPUT]');
    process.exit(2);
}

const provider = connect(values.rpc);
try {
    const author = fundedAccount(provider, ROLES.author);
    const contracts = await attachContracts({ author, jobOwner: values['job-owner'], userCode: values['user-code'] });
    const codehash = await saveCode(contracts, author, readFileSync(codeFile, 'utf8'));
    const deadline = Number(values.deadline);
    const job = await createJob(contracts, { codehash, inputs, deadline });
    console.error(`job ${job.id}, code ${codehash}, for ${job.selected.join(', ')}`);
    const answer = await waitAnswer(contracts, job.id, { timeoutMs: deadline + 30_000 });
    console.error(`error code ${answer.errorCode}, ${answer.totalTime} ms, transaction ${answer.txHash}`);
    console.log(toUtf8String(answer.output));
    process.exitCode = answer.errorCode;
} finally {
    provider.destroy();
}
