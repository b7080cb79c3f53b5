// The documents, read as their reader reads them: every file is written, every command typed, in their order, on a
// machine of its own folders with a devnet beside it. What markdown.mjs says of a block decides what is done with it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync } from 'node:fs';
import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ROOT, workerdDir } from '../../devnet/lib/paths.mjs';
import { Child, freePort, waitFor } from '../../devnet/lib/proc.mjs';
import { blocksOf, isPrinted, kindOf } from './markdown.mjs';
import { Session } from './session.mjs';

const BLOCK_MS = 180_000;
const isMarkdown = (name) => name.endsWith('.md');
const DOCUMENTS = ['README.md', ...readdirSync(join(ROOT, 'docs')).filter(isMarkdown).map((name) => `docs/${name}`)];
// Jobs here may fetch from addresses beyond this machine: they run where there is no way to any.
const OFFLINE = new Set(['docs/job-authors.md']);
// What a document says whose examples another test runs.
const RUN_ELSEWHERE = /Every example below is run, in this order, by `tests\/e2e\/\w+\.test\.mjs`/;
const STARTS_A_NODE = /--config-file \S+ .*&$/m;
const API = '127.0.0.1:6001'; // where documents say a node is, and what it is watched by
const METRICS = '127.0.0.1:9001';
const NSM = 'OYSTER_EXECUTOR_NSM_DEVICE'; // whoever sources devnet.env has it

const scratch = mkdtempSync(join(tmpdir(), 'oyster-docs-'));
const prefix = join(scratch, 'prefix');

function install() {
    const build = process.env.OYSTER_BUILD ?? join(ROOT, 'build');
    const run = spawnSync('meson', ['install', '-C', build, '--no-rebuild', '--destdir', prefix], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stdout + run.stderr);
    const options = JSON.parse(readFileSync(join(build, 'meson-info', 'intro-buildoptions.json'), 'utf8'));
    return join(prefix, options.find((option) => option.name === 'prefix').value);
}

describe('documents', () => {
    let installed, devnet, out;

    before(async () => {
        installed = install();
        out = join(scratch, 'net');
        const args = [join(ROOT, 'devnet', 'devnet.mjs'), '--nodes', '0', '--rpc-port', '0', '--out', out];
        devnet = new Child('devnet', process.execPath, args, { logFile: join(scratch, 'devnet.log') });
        await waitFor(
            'the devnet',
            () => {
                if (!devnet.running) throw new Error(devnet.log());
                return devnet.log().includes('Ctrl-C ends it all');
            },
            { timeoutMs: 180_000, everyMs: 200 },
        );
    });

    after(async () => {
        await devnet?.stop();
        rmSync(scratch, { recursive: true, force: true });
    });

    for (const name of DOCUMENTS) {
        const text = readFileSync(join(ROOT, name), 'utf8');
        if (RUN_ELSEWHERE.test(text)) continue;
        const blocks = blocksOf(text).map((block) => ({ ...block, ...kindOf(block) }));
        if (!blocks.some((block) => block.kind === 'run')) continue;
        test(name, { timeout: 15 * 60_000 }, () => follow(name, blocks));
    }

    async function follow(name, blocks) {
        const dir = mkdtempSync(join(scratch, 'reader-'));
        // as where the sources are
        symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'));
        mkdirSync(join(dir, 'devnet', 'out'), { recursive: true });
        symlinkSync(out, join(dir, 'devnet', 'out', 'net'));
        const at = { [API]: `127.0.0.1:${await freePort()}`, [METRICS]: `127.0.0.1:${await freePort()}` };
        const commands = blocks.filter((block) => block.kind === 'run').map((block) => block.code).join('');
        const session = new Session({ env: environment(dir, at, commands), cwd: dir, offline: OFFLINE.has(name) });
        const log = [];
        const node = await neededNode(dir, at, commands);
        try {
            const reader = { session, dir, name, log, at };
            let printed = '';
            for (const block of blocks) printed = (await step(reader, block, printed)) ?? printed;
        } catch (e) {
            console.log(log.join('\n'));
            throw e;
        } finally {
            await session.stop();
            await node?.stop();
        }
    }

    // A document that speaks to a node and starts none speaks to one that runs.
    async function neededNode(dir, at, commands) {
        const speaks = Object.keys(at).some((address) => commands.includes(address));
        if (!speaks || STARTS_A_NODE.test(commands)) return null;
        const key = join(dir, 'enclave.key');
        writeFileSync(key, randomBytes(32), { mode: 0o600 });
        const file = join(dir, 'config.json');
        writeFileSync(file, JSON.stringify(nodeSettings(dir, key, at)));
        const program = join(installed, 'bin', 'oyster-serverless-executor');
        const node = new Child('node', program, ['--config-file', file], { logFile: join(dir, 'node.log') });
        await waitFor('the node', () => {
            if (!node.running) throw new Error(node.log());
            return fetch(`http://${at[API]}/`).then((r) => r.ok, () => false);
        });
        return node;
    }

    // What the devnet tells its users.
    function given(name) {
        const text = readFileSync(join(out, 'devnet.env'), 'utf8');
        return text.match(new RegExp(`^export ${name}=(.*)$`, 'm'))?.[1];
    }

    function nodeSettings(dir, key, at) {
        return {
            workerd_runtime_path: workerdDir(),
            common_chain_id: Number(given('CHAIN_ID')),
            http_rpc_url: given('RPC_URL'),
            web_socket_url: given('WS_URL'),
            executors_contract_addr: given('EXECUTORS_CONTRACT'),
            jobs_contract_addr: given('JOBS_CONTRACT'),
            code_contract_addr: given('CODE_CONTRACT'),
            enclave_signer_file: key,
            execution_buffer_time: 5,
            num_selected_executors: 1,
            ledger_file: join(dir, 'ledger.db'),
            state_dir: join(dir, 'state'),
            port: Number(at[API].split(':')[1]),
            metrics_addr: at[METRICS],
            nsm_device: given(NSM),
        };
    }

    async function step({ session, dir, name, log, at }, block, printed) {
        const where = `${name}:${block.line}`;
        if (block.kind === 'file') writeFileSync(join(dir, block.value), block.code);
        if (block.kind === 'prints') {
            assert.ok(isPrinted(block.code, printed), `${where} promises:\n${block.code}\nprinted was:\n${printed}`);
        }
        if (block.kind !== 'run' && block.kind !== 'settings') return undefined;
        const code = block.kind === 'settings' ? settings(block.code, dir) : moved(block.code, at);
        let late = false;
        const timer = setTimeout(() => {
            late = true;
            session.stop();
        }, BLOCK_MS);
        const { status, printed: now, told } = await session.run(code);
        clearTimeout(timer);
        log.push(`--- ${where}\n${code}=> ${status}\n${now}\n${told}`);
        assert.ok(!late, `${where} is not done after ${BLOCK_MS} ms:\n${code}\n${now}\n${told}`);
        assert.equal(status, 0, `${where} fails with ${status}:\n${code}\n${now}\n${told}`);
        return now;
    }

    // Where a node of this reader is: the ports of the documents may be another's.
    function moved(code, at) {
        return Object.entries(at).reduce((text, [address, mine]) => text.replaceAll(address, mine), code);
    }

    // The reader's own values: the devnet's where it names them, else a folder below the reader's own.
    function settings(code, dir) {
        const value = (key, text) => {
            if (key === 'RUNTIME') return workerdDir();
            return given(key) ?? (text.startsWith('/') ? folder(dir, text) : text);
        };
        return code.replace(/^export (\w+)=(\S+)/gm, (_, key, text) => `export ${key}=${value(key, text)}`);
    }

    function folder(dir, path) {
        const mine = join(dir, path);
        mkdirSync(dirname(mine), { recursive: true });
        return mine;
    }

    function environment(dir, at, commands) {
        const bin = join(dir, 'bin');
        mkdirSync(bin);
        // whoever reads as root needs no sudo
        if (process.getuid() === 0) writeFileSync(join(bin, 'sudo'), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 });
        return {
            PATH: [bin, join(installed, 'bin'), join(installed, 'sbin'), process.env.PATH].join(':'),
            HOME: dir,
            LANG: 'C.UTF-8',
            OYSTER_EXECUTOR_PORT: at[API].split(':')[1],
            OYSTER_EXECUTOR_METRICS_ADDR: at[METRICS],
            OYSTER_EXECUTOR_LEDGER_FILE: join(dir, 'ledger.db'),
            OYSTER_EXECUTOR_WORKERD_RUNTIME_PATH: workerdDir(),
            [NSM]: given(NSM),
            ...(STARTS_A_NODE.test(commands) && { OYSTERCTL_NODE_URL: `http://${at[API]}` }),
        };
    }
});

// As GitHub names a heading.
const anchorOf = (heading) => heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-');
const anchors = (text) => [...text.matchAll(/^#+ (.*)$/gm)].map((m) => anchorOf(m[1]));

test('every file that a document names is there', () => {
    for (const name of [...DOCUMENTS, 'CONTRIBUTING.md', 'CHANGELOG.md', 'bench/README.md']) {
        const text = readFileSync(join(ROOT, name), 'utf8');
        for (const [, path] of text.matchAll(/`((?:bench|deploy|devnet|docs|src|tests|tools)\/[\w./-]+)`/g)) {
            assert.ok(path.startsWith('devnet/out/') || existsSync(join(ROOT, path)), `${name} names ${path}`);
        }
    }
});

test('every link of a document leads somewhere', () => {
    for (const name of DOCUMENTS) {
        const text = readFileSync(join(ROOT, name), 'utf8');
        for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
            if (/^[a-z]+:/.test(target)) continue;
            const [path, anchor] = target.split('#');
            const file = path === '' ? name : join(dirname(name), path);
            assert.ok(existsSync(join(ROOT, file)), `${name} links to ${target}`);
            if (anchor === undefined) continue;
            assert.ok(anchors(readFileSync(join(ROOT, file), 'utf8')).includes(anchor), `${name} links to ${target}`);
        }
    }
});
