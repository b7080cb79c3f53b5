// Runs the test suites one after the other, sums them up and ends with the line "N passed, N failed".
//   node tests/run.mjs [--build build] [--suites unit,differential,e2e,fault,docs] [--without FILE,FILE]
// vm is one more suite. --without: files that are left out, by name without .test.mjs.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../devnet/lib/paths.mjs';

const { values } = parseArgs({
    options: {
        build: { type: 'string', default: 'build' },
        suites: { type: 'string', default: 'unit,differential,e2e,fault,docs' },
        without: { type: 'string', default: '' },
    },
});
const build = resolve(ROOT, values.build);
const env = {
    ASAN_OPTIONS: 'detect_stack_use_after_return=1',
    UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
    ...process.env,
    OYSTER_BIN: join(build, 'src', 'oyster-serverless-executor'),
    OYSTER_BUILD: build,
};
const without = values.without.split(',').map((name) => `${name}.test.mjs`);
const count = (text, pattern) => (text.match(pattern) ?? []).length;

// One line of meson's testlog.json is one cmocka program, with several tests in its output.
function countProgram(entry) {
    const output = `${entry.stdout ?? ''}\n${entry.stderr ?? ''}`;
    const passed = count(output, /^\[ +OK \]/gm);
    const failed = new Set(output.match(/^\[ +FAILED +\] [a-z]\w*$/gm)).size;
    if (entry.result === 'OK') return { passed: Math.max(passed, 1), failed: 0 };
    return { passed, failed: Math.max(failed, 1), what: `${entry.name} (${entry.result.toLowerCase()})` };
}

function unit() {
    spawnSync('meson', ['test', '-C', build, '--no-rebuild', '--print-errorlogs', '--timeout-multiplier', '3'], { stdio: 'inherit', env });
    const log = join(build, 'meson-logs', 'testlog.json');
    if (!existsSync(log)) return { passed: 0, failed: 1, failures: ['meson test left no log'] };
    const programs = readFileSync(log, 'utf8').trim().split('\n').map((line) => countProgram(JSON.parse(line)));
    return {
        passed: programs.reduce((sum, p) => sum + p.passed, 0),
        failed: programs.reduce((sum, p) => sum + p.failed, 0),
        failures: programs.filter((p) => p.what).map((p) => p.what),
    };
}

const isWanted = (name) => name.endsWith('.test.mjs') && !without.includes(name);

// Every *.test.mjs of a folder by node's own runner; one file at a time where they share the machine's cgroups.
function nodeTests(folder, concurrency = 1) {
    const dir = join(ROOT, 'tests', folder);
    const files = existsSync(dir) ? readdirSync(dir).filter(isWanted) : [];
    if (files.length === 0) return { passed: 0, failed: 1, failures: [`no tests in tests/${folder}`] };
    const scratch = mkdtempSync(join(tmpdir(), 'oyster-run-'));
    const tap = join(scratch, 'tap');
    const reporter = (name, to) => [`--test-reporter=${name}`, `--test-reporter-destination=${to}`];
    const reporters = [...reporter('spec', 'stdout'), ...reporter('tap', tap)];
    const run = spawnSync(
        process.execPath,
        ['--test', `--test-concurrency=${concurrency}`, ...reporters, ...files.sort().map((name) => join(dir, name))],
        { stdio: 'inherit', env },
    );
    const text = existsSync(tap) ? readFileSync(tap, 'utf8') : '';
    rmSync(scratch, { recursive: true });
    const sum = (name) => Number(text.match(new RegExp(`^# ${name} (\\d+)$`, 'm'))?.[1] ?? 0);
    const failed = sum('fail') + sum('cancelled');
    return {
        passed: sum('pass'),
        failed: run.status === 0 ? failed : Math.max(failed, 1),
        failures: [...text.matchAll(/^ *not ok \d+ - (.*)$/gm)].map((m) => m[1]),
    };
}

const SUITES = {
    unit,
    differential: () => nodeTests('differential', 2),
    e2e: () => nodeTests('e2e'),
    fault: () => nodeTests('fault', 2), // mostly waiting; each file has a chain and groups of its own
    docs: () => nodeTests('docs'),
    vm: () => nodeTests('vm', 2), // a guest has one processor
};

const results = [];
for (const name of values.suites.split(',')) {
    console.log(`\n=== ${name}`);
    const start = Date.now();
    results.push({ name, ...SUITES[name](), seconds: (Date.now() - start) / 1000 });
}

console.log('\n=== summary');
for (const r of results) {
    const columns = [r.name.padEnd(14), `${r.passed} passed`.padEnd(14), `${r.failed} failed`.padEnd(12)];
    console.log(`${columns.join('')}${r.seconds.toFixed(0)} s`);
    for (const failure of r.failures ?? []) console.log(`    failed: ${failure}`);
}
const total = (key) => results.reduce((sum, r) => sum + r[key], 0);
console.log(`${total('passed')} passed, ${total('failed')} failed`);
process.exitCode = total('failed') === 0 ? 0 : 1;
