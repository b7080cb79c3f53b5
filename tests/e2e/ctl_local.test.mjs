// oysterctl commands that need no chain: keys and completions.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SigningKey, Wallet, computeAddress } from 'ethers';
import { EXIT, ctlBinary, oysterctl, oysterctlJson } from './ctl.mjs';
import { assert, existsSync, sleep } from './harness.mjs';

const dir = mkdtempSync(join(tmpdir(), 'oyster-local-'));
after(() => rmSync(dir, { recursive: true }));

const PASSWORD = 'correct horse';
const SECRET = '0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6';
const ADDRESS = '0x90F79bf6EB2c4f870365E785982E1f101E93b906';
const at = (name) => join(dir, name);
writeFileSync(at('password'), `${PASSWORD}\nsecond line\n`);
const withPassword = ['--password-file', at('password')];
const mode = (path) => statSync(path).mode & 0o777;

// ---- help ----

test('help COMMAND is COMMAND --help', async () => {
    for (const words of [[], ['stake', 'add'], ['exec']]) {
        const [said, asked] = await Promise.all([oysterctl(['help', ...words]), oysterctl([...words, '--help'])]);
        assert.deepEqual([said.code, said.stdout], [0, asked.stdout]);
    }
    assert.match((await oysterctl(['help', 'nothing'])).stderr, /^oysterctl: nothing: unknown command/);
});

test('a word that is no value is a bad command line', async () => {
    const cases = [
        [['jobs', 'show', 'x'], 'JOB-ID: found "x", expected a whole number'],
        [['stake', 'add', 'x'], 'AMOUNT: found "x", expected an amount such as 100, 0.5 or 1000wei'],
        [['wait', '--job', 'x'], '--job: found "x", expected a whole number'],
    ];
    for (const [args, line] of cases) {
        const { code, stderr } = await oysterctl(args);
        assert.deepEqual([code, stderr], [EXIT.usage, `oysterctl: ${line}\n`]);
    }
});

// ---- keys ----

test('keys new: a keystore that ethers opens, which nobody else may read', async () => {
    const path = at('new.json');
    const { code, result } = await oysterctlJson(['keys', 'new', path, ...withPassword]);
    assert.deepEqual([code, result.file, result.format, mode(path)], [0, path, 'keystore', 0o600]);
    const wallet = Wallet.fromEncryptedJsonSync(readFileSync(path, 'utf8'), PASSWORD);
    assert.equal(wallet.address, result.address);
    assert.equal(`0x${wallet.signingKey.publicKey.slice(4)}`, result.public_key);
});

test('keys import: raw, hex and standard input, into either kdf', async () => {
    writeFileSync(at('raw.key'), Buffer.from(SECRET.slice(2), 'hex'));
    writeFileSync(at('hex.key'), `${SECRET}\n`);
    const ways = [
        ['a.json', ['--from', at('raw.key')], undefined],
        ['b.json', ['--from', at('hex.key'), '--kdf', 'pbkdf2'], undefined],
        ['c.json', ['--kdf', 'pbkdf2'], SECRET.slice(2)],
    ];
    for (const [name, args, input] of ways) {
        const { code, result } = await oysterctlJson(['keys', 'import', at(name), ...withPassword, ...args], { input });
        assert.deepEqual([code, result.address], [0, ADDRESS]);
        const text = readFileSync(at(name), 'utf8');
        assert.equal(JSON.parse(text).crypto.kdf, args.includes('pbkdf2') ? 'pbkdf2' : 'scrypt');
        assert.equal((Wallet.fromEncryptedJsonSync(text, PASSWORD)).privateKey, SECRET);
    }
});

test('keys show: addresses without, public keys with the password; enclave key files too', async () => {
    writeFileSync(at('shown.json'), new Wallet(SECRET).encryptSync(PASSWORD));
    const sealed = await oysterctlJson(['keys', 'show', at('shown.json')]);
    assert.deepEqual([sealed.code, sealed.result.address, sealed.result.public_key], [0, ADDRESS, undefined]);
    const opened = await oysterctlJson(['keys', 'show', at('shown.json'), ...withPassword]);
    const publicKey = `0x${new SigningKey(SECRET).publicKey.slice(4)}`;
    assert.deepEqual([opened.code, opened.result.public_key], [0, publicKey]);
    writeFileSync(at('enclave.key'), Buffer.from(SECRET.slice(2), 'hex'));
    const raw = await oysterctl(['keys', 'show', at('enclave.key')]);
    assert.match(raw.stdout, new RegExp(`^address: +${ADDRESS}\npublic key: +${publicKey}$`, 'm'));
    assert.ok(!`${raw.stdout}${opened.stdout}`.includes(SECRET.slice(2)));
    writeFileSync(at('wrong'), 'guess\n');
    const wrong = await oysterctl(['keys', 'show', at('shown.json'), '--password-file', at('wrong')]);
    assert.equal(wrong.code, EXIT.failed);
    assert.match(wrong.stderr, /^oysterctl: .*shown\.json: the password is wrong/);
});

test('keys: a raw enclave key is 32 bytes', async () => {
    const { result } = await oysterctlJson(['keys', 'new', at('enclave.sec'), '--raw']);
    const secret = readFileSync(at('enclave.sec'));
    assert.deepEqual([secret.length, mode(at('enclave.sec'))], [32, 0o600]);
    assert.equal(computeAddress(`0x${secret.toString('hex')}`), result.address);
});

test('keys: nothing is overwritten unless told, and nothing half-made is left', async () => {
    const path = at('kept.json');
    await oysterctl(['keys', 'new', path, '--kdf', 'pbkdf2', ...withPassword]);
    const before = readFileSync(path, 'utf8');
    for (const args of [['keys', 'new', path], ['keys', 'import', path, '--from', at('hex.key')]]) {
        const { code, stderr } = await oysterctl([...args, ...withPassword]);
        assert.equal(code, EXIT.failed);
        assert.match(stderr, /kept\.json: exists already, and is not overwritten unless --force is given\n$/);
    }
    assert.equal(readFileSync(path, 'utf8'), before);
    assert.equal((await oysterctl(['keys', 'new', path, '--force', '--kdf', 'pbkdf2', ...withPassword])).code, 0);
    assert.notEqual(readFileSync(path, 'utf8'), before);
    writeFileSync(at('empty'), '\n');
    const refusals = [
        [['keys', 'new', at('x.json'), '--password-file', at('empty')], /an empty password protects nothing/],
        [['keys', 'new', join(dir, 'no', 'x.json'), '--kdf', 'pbkdf2', ...withPassword], /No such file/],
        [['keys', 'import', at('x.json'), '--from', at('password'), ...withPassword], /32 raw bytes or 64 hex digits/],
        [['keys', 'new', at('x.json')], /there is no terminal to ask at/],
        [['keys', 'new', at('x.json'), '--password', 'pw'], /never taken from the command line/],
    ];
    for (const [args, message] of refusals) {
        const { code, stderr } = await oysterctl(args);
        assert.notEqual(code, 0);
        assert.match(stderr, message);
    }
    assert.equal(existsSync(at('x.json')), false);
});

// Types lines at the prompts of a program that runs at a terminal of its own; returns all that the terminal has shown.
async function atTerminal(command, lines) {
    const child = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
    let shown = '';
    child.stdout.on('data', (data) => (shown += data));
    const ended = new Promise((resolve) => child.once('close', resolve));
    for (const [prompt, line] of lines) {
        for (let i = 0; i < 1000 && !prompt.test(shown); i++) await sleep(20);
        assert.match(shown, prompt);
        child.stdin.write(`${line}\n`);
    }
    const code = await ended;
    child.stdin.destroy();
    return { code, shown };
}

test('keys: a password is typed twice and never shown', { skip: spawnSync('script', ['--version']).status !== 0 }, async () => {
    const path = at('typed.json');
    const command = `${ctlBinary()} keys new ${path} --kdf pbkdf2`;
    const lines = [[/Password for /, PASSWORD], [/Once more: /, PASSWORD]];
    const { code, shown } = await atTerminal(command, lines);
    assert.equal(code, 0, shown);
    assert.ok(!shown.includes(PASSWORD), shown);
    Wallet.fromEncryptedJsonSync(readFileSync(path, 'utf8'), PASSWORD);
    const differ = await atTerminal(`${command} --force`, [[/Password for /, PASSWORD], [/Once more: /, 'other']]);
    assert.notEqual(differ.code, 0);
    assert.match(differ.shown, /the two passwords differ: nothing was written/);
    Wallet.fromEncryptedJsonSync(readFileSync(path, 'utf8'), PASSWORD);
});

// ---- completions ----

const has = (shell) => spawnSync(shell, ['-c', 'true']).status === 0;
const completions = (shell) => spawnSync(ctlBinary(), ['completions', shell]).stdout;

// What bash offers for the last of these words, as readline would ask; "=" is a word of its own there.
function bashOffers(...words) {
    const script = at('completions.bash');
    writeFileSync(script, completions('bash'));
    const ask = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _oysterctl; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', ask, 'bash', script, 'oysterctl', ...words], { cwd: dir });
    assert.equal(stderr.toString(), '');
    return stdout.toString().split('\n').filter((line) => line !== '');
}

test('completions: the scripts are what their shells can read', () => {
    for (const shell of ['bash', 'zsh', 'fish'].filter(has)) {
        writeFileSync(at(`script.${shell}`), completions(shell));
        const { status, stderr } = spawnSync(shell, ['-n', at(`script.${shell}`)]);
        assert.deepEqual([shell, status, stderr.toString()], [shell, 0, '']);
    }
});

test('completions: bash completes commands, options, choices and files', () => {
    assert.deepEqual(bashOffers('exe'), ['exec']);
    assert.deepEqual(bashOffers('ke'), ['keys']);
    assert.deepEqual(bashOffers('keys', 'n'), ['new']);
    assert.deepEqual(bashOffers('keys', '').sort(), ['import', 'new', 'show']);
    assert.deepEqual(bashOffers('keys', 'new', '--pass'), ['--password-file']);
    assert.deepEqual(bashOffers('exec', '--pass'), []);
    assert.deepEqual(bashOffers('keys', 'new', '--kdf', 's'), ['scrypt']);
    assert.deepEqual(bashOffers('keys', 'new', '--kdf', '=', 'pb'), ['pbkdf2']);
    assert.deepEqual(bashOffers('--log-level', ''), ['debug', 'info', 'warn', 'error']);
    assert.deepEqual(bashOffers('--config-file', 'c.json', 'keys', 'sh'), ['show']);
    assert.deepEqual(bashOffers('keys', 'show', 'enclave.s'), ['enclave.sec']);
    assert.deepEqual(bashOffers('keys', 'new', '--password-file', 'passw'), ['password']);
    assert.deepEqual(bashOffers('completions', ''), ['bash', 'zsh', 'fish']);
    assert.deepEqual(bashOffers('version', '--dry'), ['--dry-run']);
});

test('completions: bash knows every command and option of --help', async () => {
    const help = (await oysterctl(['--help'])).stdout;
    const commands = [...help.matchAll(/^ {2}([a-z]+(?: [a-z]+)?)(?= |$)/gm)].map((m) => m[1].trim());
    assert.ok(commands.length > 15, help);
    for (const command of commands) {
        const words = command.split(' ');
        assert.ok(bashOffers(...words.slice(0, -1), words.at(-1)).includes(words.at(-1)), command);
        const own = (await oysterctl([...words, '--help'])).stdout;
        const offered = bashOffers(...words, '--');
        for (const [, option] of own.matchAll(/^ {2}(?:-\w, )?(--[a-z0-9-]+)/gm)) assert.ok(offered.includes(option), `${command} ${option}`);
    }
});

test('completions: fish completes for real', { skip: !has('fish') }, () => {
    const script = at('completions.fish');
    writeFileSync(script, completions('fish'));
    const offers = (line) => {
        const ask = ['--no-config', '-c', `source ${script}; complete -C "${line}"`];
        const { stdout } = spawnSync('fish', ask, { env: { ...process.env, HOME: dir }, cwd: dir });
        return stdout.toString().split('\n').map((l) => l.split('\t')[0]).filter((l) => l !== '');
    };
    assert.deepEqual(offers('oysterctl exe'), ['exec']);
    assert.deepEqual(offers('oysterctl keys ').sort(), ['import', 'new', 'show']);
    assert.deepEqual(offers('oysterctl keys new --kdf p'), ['pbkdf2']);
    assert.deepEqual(offers('oysterctl keys new --passw'), ['--password-file']);
    assert.deepEqual(offers('oysterctl --config-file x keys new --kd'), ['--kdf']);
});

test('completions: zsh completes for real', { skip: !has('zsh') }, () => {
    writeFileSync(at('completions.zsh'), completions('zsh'));
    // compadd and _describe are told what is offered; the words are the shell's own.
    const ask = `
        compdef() { : }
        _describe() { print -l -- \${(P)2} }
        compadd() { shift; print -l -- $@ }
        _files() { print files }
        source ${at('completions.zsh')}
        words=("$@") CURRENT=$#
        _oysterctl`;
    const offers = (...words) => {
        const { stdout, stderr } = spawnSync('zsh', ['-f', '-c', ask, 'zsh', 'oysterctl', ...words]);
        assert.equal(stderr.toString(), '');
        return stdout.toString().split('\n').map((l) => l.split(':')[0]).filter((l) => l !== '');
    };
    assert.ok(offers('').includes('exec') && offers('').includes('keys'));
    assert.deepEqual(offers('keys', '').sort(), ['import', 'new', 'show']);
    assert.deepEqual(offers('keys', 'new', '--kdf', ''), ['scrypt', 'pbkdf2']);
    assert.deepEqual(offers('keys', 'new', '--password-file', ''), ['files']);
    assert.ok(offers('keys', 'new', '--').includes('--kdf'));
});

test('completions: another shell is refused', async () => {
    const { code, stderr } = await oysterctl(['completions', 'tcsh']);
    assert.equal(code, EXIT.usage);
    assert.equal(stderr, 'oysterctl: tcsh: not a shell that is known, expected bash, zsh or fish\n');
});
