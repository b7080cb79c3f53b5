// oysterctl exec: the same answers as on chain, and what it shows an author.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ROOT, workerdDir } from '../../devnet/lib/paths.mjs';
import { ctlBinary } from './ctl.mjs';
import { assert, handler, watchCgroups } from './harness.mjs';

const dir = mkdtempSync(join(tmpdir(), 'oyster-exec-'));
after(() => rmSync(dir, { recursive: true }));
const FACTORISE = join(ROOT, 'devnet', 'code', 'factorise.js');
const LIMIT_MS = 120_000;

function exec(args, { input } = {}) {
    const place = args.includes('--workerd-dir') ? [] : ['--workerd-dir', workerdDir()];
    const given = ['exec', '--no-network', ...place, ...args];
    const run = spawnSync(ctlBinary(), given, { input, timeout: LIMIT_MS });
    return { status: run.status, out: run.stdout, text: run.stdout.toString(), err: run.stderr.toString() };
}

function codeFile(name, code) {
    const path = join(dir, name);
    writeFileSync(path, code);
    return path;
}


test('every deterministic hostile file ends as it does on chain', { timeout: 900_000 }, (t) => {
    const shell = 'ip link set lo up && exec "$0" "$1"';
    const script = join(ROOT, 'tests', 'e2e', 'ctl_exec_child.mjs');
    if (spawnSync('unshare', ['--net', 'true']).status !== 0) return t.skip('no network namespace to be had');
    const run = spawnSync('unshare', ['--net', 'sh', '-c', shell, process.execPath, script], { timeout: 880_000 });
    assert.equal(run.status, 0, `${run.stdout}${run.stderr}`);
    const [, compared] = run.stdout.toString().match(/^(\d+) compared, 0 differ$/m);
    assert.ok(Number(compared) > 250, `${compared} compared`);
});

test('the output alone goes to a pipe, the rest to stderr', () => {
    const { status, text, err } = exec([FACTORISE, '--input', '{"num":600}']);
    assert.deepEqual([status, text], [0, '2,2,2,3,5,5'], err);
    for (const line of [/^error code: +0 \(the worker answered\)$/m, /^time ms: +[\d.]+$/m, /^http status: +200$/m])
        assert.match(err, line);
    assert.equal(exec([FACTORISE, '--input', '{"num":600}', '--quiet']).err, '');
});

test('bytes go in and out as they are', () => {
    const echo = codeFile('echo.js', handler('return new Response(await request.arrayBuffer());'));
    const bytes = Buffer.from([0, 255, 10, 13, 0xc3, 0x28, 7]);
    const { status, out } = exec([echo, '--input-file', '-'], { input: bytes });
    assert.deepEqual([status, out.equals(bytes)], [0, true]);
    const told = JSON.parse(exec([echo, '--input-file', '-', '--json'], { input: bytes }).text);
    assert.deepEqual([told.output, told.output_text, told.output_bytes], [`0x${bytes.toString('hex')}`, null, 7]);
});

test('console, status, time, CPU and memory are told', () => {
    const code = handler(`console.log('one', 2); console.error('three'); const a = new Uint8Array(20 << 20).fill(1);
        return new Response('gone ' + a.length, { status: 410 });`);
    const { status, text } = exec(['-', '--json'], { input: code });
    const told = JSON.parse(text);
    assert.deepEqual([status, told.error_code, told.http_status, told.output_text], [0, 0, 410, `gone ${20 << 20}`]);
    assert.equal(told.console, 'one 2\nthree\n');
    assert.ok(told.memory_peak_bytes > 20 << 20, `${told.memory_peak_bytes}`);
    assert.ok(told.cpu_ms > 0 && told.time_ms > 0);
    const flood = JSON.parse(exec(['-', '--json'], { input: handler('console.log("x".repeat(99999)); return new Response();') }).text);
    assert.deepEqual([flood.error_code, flood.console_truncated], [0, true]);
    assert.ok(flood.console.length <= 16384);
});

test('each error code has its exit code', () => {
    const cases = [
        [13, 'export default {', [], /^console: .*SyntaxError/m],
        [14, handler('for (;;) {}'), ['--deadline', '300ms'], /^error code: +4 \(deadline exceeded\)$/m],
        [15, handler('return new Response("x".repeat(90001));'), [], /^error code: +5 /m],
        [16, handler('const a = []; for (;;) a.push(new Uint8Array(1 << 20).fill(1));'), ['--deadline', '60s'], /memory limit/],
    ];
    for (const [expected, code, args, line] of cases) {
        const { status, text, err } = exec(['-', ...args], { input: code });
        assert.deepEqual([status, text], [expected, ''], err);
        assert.match(err, line);
    }
});

test('several runs are compared', () => {
    const told = JSON.parse(exec([FACTORISE, '--input', '{"num":35}', '--count', '3', '--json']).text);
    assert.deepEqual([told.runs.map((r) => r.output_text), told.same_answers], [['5,7', '5,7', '5,7'], true]);
    assert.ok(told.fastest_ms <= told.median_ms && told.median_ms <= told.slowest_ms);
    const random = handler('return new Response(crypto.randomUUID());');
    assert.equal(JSON.parse(exec(['-', '--count', '2', '--json'], { input: random }).text).same_answers, false);
});

test('several files are told apart', () => {
    const bad = codeFile('bad.js', 'export default {');
    const run = exec([FACTORISE, bad, '--input', '{"num":35}', '--json']);
    const { runs, same_answers: same } = JSON.parse(run.text);
    assert.deepEqual(runs.map((r) => [r.file, r.error_code]), [[FACTORISE, 0], [bad, 3]]);
    assert.deepEqual([run.status, same], [13, false]);
});

test('what cannot be run is said in one line', () => {
    const cases = [
        [1, [join(dir, 'nothing.js')], /^oysterctl: .*nothing\.js: No such file or directory\n$/],
        [2, [FACTORISE, '--deadline', '0'], /^oysterctl: --deadline: found 0, expected 1ms to 1h\n$/],
        [1, [FACTORISE, '--workerd-dir', dir], /^oysterctl: .*workerd/],
        [2, [], /^oysterctl: .*FILE/],
    ];
    for (const [status, args, line] of cases) {
        const run = exec(args);
        assert.equal(run.status, status, run.err);
        assert.match(run.err, line);
    }
});

test('installed, it finds workerd beside itself', () => {
    const prefix = join(dir, 'prefix');
    for (const folder of ['bin', 'lib/oyster']) mkdirSync(join(prefix, folder), { recursive: true });
    const installed = join(prefix, 'bin', 'oysterctl');
    copyFileSync(ctlBinary(), installed);
    copyFileSync(join(workerdDir(), 'workerd'), join(prefix, 'lib', 'oyster', 'workerd'));
    const run = spawnSync(installed, ['exec', FACTORISE, '--input', '{"num":35}', '--no-network'], { cwd: dir, timeout: LIMIT_MS });
    assert.deepEqual([run.status, run.stdout.toString()], [0, '5,7'], run.stderr.toString());
});

test('without the rights of a node it says what it takes', (t) => {
    if (process.getuid() !== 0) return t.skip('takes root, to be somebody else');
    for (const path of [dir, codeFile('anybody.js', handler('return new Response();'))]) chmodSync(path, 0o755);
    const own = join(dir, 'oysterctl'); // the build may lie where nobody else may go
    copyFileSync(ctlBinary(), own);
    const args = ['exec', join(dir, 'anybody.js'), '--workerd-dir', join(dir, 'prefix', 'lib', 'oyster')];
    const run = spawnSync('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', own, ...args], { timeout: LIMIT_MS });
    assert.equal(run.status, 1);
    assert.match(run.stderr.toString(), /^oysterctl: exec takes what a node takes, as a rule root \(sudo oysterctl exec \.\.\.\): /);
});

test('nothing is left behind, also when it is interrupted', () => {
    const check = watchCgroups();
    const forever = codeFile('forever.js', handler('for (;;) {}'));
    const args = ['--signal=INT', '1', ctlBinary(), 'exec', forever, '--no-network', '--workerd-dir', workerdDir()];
    const run = spawnSync('timeout', [...args, '--deadline', '60s'], { timeout: LIMIT_MS });
    assert.match(run.stderr.toString(), /^oysterctl: stopped by SIGINT\n$/);
    check();
});
