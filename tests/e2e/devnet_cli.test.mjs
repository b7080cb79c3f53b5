// The devnet's programs: what they take, and one line for what they do not.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../../devnet/lib/paths.mjs';

const CONTRACT = `0x${'11'.repeat(20)}`;
const CODE = join(ROOT, 'devnet', 'code', 'factorise.js');
const NOWHERE = 'http://127.0.0.1:1';

function run(program, ...args) {
    const { RPC_URL, JOB_OWNER_CONTRACT, CODE_CONTRACT, ...env } = process.env;
    return spawnSync(process.execPath, [join(ROOT, 'devnet', `${program}.mjs`), ...args], { encoding: 'utf8', timeout: 60_000, env });
}

for (const program of ['demo', 'deploy', 'devnet', 'job']) {
    test(`${program} --help`, () => {
        const { status, stdout, stderr } = run(program, '--help');
        assert.deepEqual([status, stderr], [0, '']);
        assert.match(stdout, new RegExp(`^Usage: node devnet/${program}\\.mjs `));
    });
}

test('what is wrong with a command line is one line', () => {
    const cases = [
        ['demo', ['--generation', '3'], '--generation: found "3", expected a whole number from 1 to 2'],
        ['devnet', ['--nodes', 'two'], '--nodes: found "two", expected a whole number from 0 to 20'],
        ['devnet', ['--genration', '1'], "Unknown option '--genration'"],
        ['deploy', ['--rpc', NOWHERE], `--rpc: no chain answers at ${NOWHERE}`],
        ['job', [], 'a file of code is missing'],
        ['job', [CODE], 'the contracts are not known: source devnet.env, or give --job-owner and --user-code'],
        ['job', [CODE, '--job-owner', CONTRACT, '--user-code', CONTRACT, '--rpc', NOWHERE], `--rpc: no chain answers at ${NOWHERE}`],
    ];
    for (const [program, args, line] of cases) {
        const { status, stderr } = run(program, ...args);
        assert.deepEqual([status, stderr], [2, `${program}: ${line} (see --help)\n`]);
    }
});

test('devnet-nsm --help', () => {
    const build = process.env.OYSTER_BUILD ?? join(ROOT, 'build');
    const { status, stdout } = spawnSync(join(build, 'devnet', 'nsm', 'devnet-nsm'), ['--help'], { encoding: 'utf8' });
    assert.equal(status, 0);
    assert.match(stdout, /^Usage: devnet-nsm /);
});
