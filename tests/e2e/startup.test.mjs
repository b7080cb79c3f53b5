// Start-up: the command line, and each mistake in the config is one line that names it, with a status that is not 0.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe } from 'node:test';
import { executorBinary } from '../../devnet/lib/paths.mjs';
import { assert, scenario, stopCleanly, useDevnet } from './harness.mjs';

// Runs the program to its end. Returns {code, stdout, stderr}.
function run(args) {
    return new Promise((resolve) => {
        execFile(executorBinary(), args, { timeout: 30_000 }, (error, stdout, stderr) => {
            resolve({ code: error ? error.code ?? error.signal : 0, stdout, stderr });
        });
    });
}

describe('start-up', () => {
    const holder = useDevnet({ generation: 2 });
    let count = 0;

    // What a node with this change to its config says when it refuses to start: one line, naming what.
    async function refused(net, config, ...named) {
        const lines = await refusal(net, config);
        assert.equal(lines.length, 1, lines.join('\n'));
        for (const word of named) assert.ok(lines[0].includes(word), `${lines[0]} should name ${word}`);
    }

    async function refusal(net, config) {
        const node = net.newNode({ name: `bad${count++}`, config });
        const { code, stderr } = await run(['--port', '0', '--config-file', node.configFile]);
        assert.ok(code > 0, `status ${code}: ${stderr}`);
        return stderr.trimEnd().split('\n');
    }

    scenario('--help and --version', holder, async () => {
        for (const flag of ['-h', '--help']) {
            const help = await run([flag]);
            assert.equal(help.code, 0);
            for (const option of ['--port', '--config-file', '--help', '--version']) {
                assert.ok(help.stdout.includes(option), option);
            }
        }
        for (const flag of ['-V', '--version']) assert.match((await run([flag])).stdout, /\d+\.\d+\.\d+/);
    });

    scenario('an unknown option is refused', holder, async () => {
        const { code, stderr } = await run(['--prot', '1']);
        assert.ok(code > 0);
        assert.ok(stderr.includes('--prot'), stderr);
        for (const port of ['0x1', '70000', 'http', '']) {
            const wrong = await run(['--port', port]);
            assert.ok(wrong.code > 0, port);
        }
    });

    // The recipe of docs/api.md, followed by another program.
    scenario('--config-hash is the hash of what --show-config shows', holder, async (net) => {
        const node = net.newNode({ name: 'hashed', config: { vsock_addr: 'any:6001', execution_env: null } });
        const shown = await run(['--config-file', node.configFile, '--job-capacity', '7', '--show-config', '--json']);
        const settings = Object.entries(JSON.parse(shown.stdout)).filter(([, setting]) => 'value' in setting);
        const sorted = settings.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, { value }]) => [key, value]);
        const text = JSON.stringify(Object.fromEntries(sorted));
        assert.match(text, /"execution_env":null.*"job_capacity":7.*"vsock_addr":"any:6001"/);
        const { stdout } = await run(['--config-file', node.configFile, '--job-capacity', '7', '--config-hash']);
        assert.equal(stdout, `${createHash('sha256').update(text).digest('hex')}\n`);
    });

    scenario('a config file that is missing or not JSON', holder, async (net) => {
        const missing = await run(['--config-file', join(net.dir, 'nowhere.json')]);
        assert.ok(missing.code > 0);
        assert.ok(missing.stderr.includes('nowhere.json'), missing.stderr);
        const path = join(net.dir, 'broken.json');
        writeFileSync(path, '{"common_chain_id": }');
        const broken = await run(['--config-file', path]);
        assert.ok(broken.code > 0);
        assert.ok(broken.stderr.includes('broken.json'), broken.stderr);
    });

    scenario('a bad vsock address, and user data that is too long', holder, async (net) => {
        await refused(net, { vsock_addr: '6001' }, 'vsock_addr', 'CID:PORT');
        const path = join(net.dir, 'user-data');
        await refused(net, { attestation_user_data_file: path }, 'attestation_user_data_file', path);
        writeFileSync(path, Buffer.alloc(513));
        await refused(net, { attestation_user_data_file: path }, 'attestation_user_data_file', path, '512');
    });

    const REQUIRED = [
        'workerd_runtime_path',
        'common_chain_id',
        'http_rpc_url',
        'web_socket_url',
        'executors_contract_addr',
        'jobs_contract_addr',
        'code_contract_addr',
        'enclave_signer_file',
        'execution_buffer_time',
        'num_selected_executors',
    ];
    scenario('each required key is missed by its name', holder, async (net) => {
        for (const key of REQUIRED) await refused(net, { [key]: undefined }, key);
    });

    scenario('an unknown key is named, with the nearest known one', holder, async (net) => {
        await refused(net, { web_socket_ulr: 'ws://127.0.0.1:1' }, 'web_socket_ulr', 'web_socket_url');
    });

    scenario('wrong types and values', holder, async (net) => {
        await refused(net, { common_chain_id: '31337' }, 'common_chain_id');
        await refused(net, { common_chain_id: -1 }, 'common_chain_id');
        await refused(net, { jobs_contract_addr: '0x1234' }, 'jobs_contract_addr');
        await refused(net, { executors_contract_addr: 7 }, 'executors_contract_addr');
        await refused(net, { http_rpc_url: 'ftp://127.0.0.1' }, 'http_rpc_url', 'ftp');
        await refused(net, { web_socket_url: 'not a url' }, 'web_socket_url', 'ws://');
        await refused(net, { execution_buffer_time: 1.5 }, 'execution_buffer_time');
        await refused(net, { execution_env: 256 }, 'execution_env');
        await refused(net, { execution_env: 'js' }, 'execution_env');
    });

    scenario('the signer file', holder, async (net) => {
        const file = (name, bytes) => {
            const path = join(net.dir, name);
            writeFileSync(path, bytes);
            return path;
        };
        await refused(net, { enclave_signer_file: join(net.dir, 'no.key') }, 'no.key');
        await refused(net, { enclave_signer_file: file('short.key', Buffer.alloc(31, 1)) }, 'short.key', '31');
        await refused(net, { enclave_signer_file: file('long.key', Buffer.alloc(33, 1)) }, 'long.key', '32');
        await refused(net, { enclave_signer_file: file('zero.key', Buffer.alloc(32)) }, 'zero.key');
        await refused(net, { enclave_signer_file: file('big.key', Buffer.alloc(32, 255)) }, 'big.key');
    });

    scenario('workerd missing or not executable', holder, async (net) => {
        const empty = join(net.dir, 'empty');
        mkdirSync(empty);
        await refused(net, { workerd_runtime_path: empty }, 'workerd');
        writeFileSync(join(empty, 'workerd'), 'not a program');
        chmodSync(join(empty, 'workerd'), 0o644);
        await refused(net, { workerd_runtime_path: empty }, 'workerd');
    });

    scenario('a chain of another id is refused', holder, async (net) => {
        const last = (await refusal(net, { common_chain_id: 42161 })).at(-1); // it has begun to log by then
        for (const id of ['42161', '31337']) assert.ok(last.includes(id), last);
    });

    scenario('a port that is taken is named', holder, async (net) => {
        const server = createServer().listen(0, '0.0.0.0');
        await new Promise((resolve) => server.once('listening', resolve));
        const { port } = server.address();
        const node = net.newNode({ name: 'late' });
        const { code, stderr } = await run(['--port', String(port), '--config-file', node.configFile]);
        server.close();
        assert.ok(code > 0);
        assert.ok(stderr.includes(String(port)), stderr);
    });

    scenario('the generation may be given instead of asked for', holder, async (net) => {
        for (const [env, expected] of [[null, undefined], [1, 1], [7, 7]]) {
            const node = net.newNode({ name: `env${count++}`, config: { execution_env: env } });
            await node.start();
            await net.configure(node);
            assert.equal((await node.registrationMessage()).env, expected);
            await stopCleanly(node);
        }
    });

    scenario('SIGINT ends it as SIGTERM does', holder, async (net) => {
        const node = net.newNode({ name: 'interrupted' });
        await node.start();
        assert.deepEqual(await node.stop('SIGINT'), { code: 0, signal: null });
    });
});
