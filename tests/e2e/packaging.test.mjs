// What is handed out: the Debian package, make install and uninstall, the systemd unit, manual pages, the Dockerfile.
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { after, describe, test } from 'node:test';
import { ROOT, workerdDir } from '../../devnet/lib/paths.mjs';
import { assert } from './harness.mjs';

const BUILD = resolve(ROOT, process.env.OYSTER_BUILD ?? 'build');
const NAME = 'oyster-serverless-executor';
const scratch = mkdtempSync(join(tmpdir(), 'oyster-packaging-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const read = (path) => readFileSync(join(ROOT, path), 'utf8');

// Runs a program to its end. Returns {code, stdout, stderr}.
function run(program, args, options = {}) {
    return new Promise((done) => {
        const settings = { cwd: ROOT, timeout: 120_000, maxBuffer: 1 << 24, ...options };
        execFile(program, args, settings, (error, stdout, stderr) => {
            done({ code: error ? error.code ?? error.signal : 0, stdout, stderr });
        });
    });
}

async function runs(program, args, options) {
    const { code, stdout, stderr } = await run(program, args, options);
    assert.equal(code, 0, `${program} ${args.join(' ')}: ${code}\n${stdout}${stderr}`);
    return stdout;
}

function filesBelow(dir) {
    return readdirSync(dir, { recursive: true, withFileTypes: true })
        .filter((entry) => !entry.isDirectory())
        .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(dir.length));
}

const option = (name) =>
    JSON.parse(readFileSync(join(BUILD, 'meson-info/intro-buildoptions.json'))).find((o) => o.name === name).value;
const sanitized = option('b_sanitize') !== 'none' && 'made of what is handed out, not of a build for sanitizers';
const lacks = (...programs) =>
    programs.find((name) => !process.env.PATH.split(':').some((dir) => existsSync(join(dir, name))));
const without = (...programs) => (lacks(...programs) ? `no ${lacks(...programs)} here` : sanitized);

describe('manual pages', () => {
    const pages = {
        'oyster-serverless-executor': [join(BUILD, 'docs/oyster-serverless-executor.8'), 'src/oyster-serverless-executor'],
        'oyster-keygen': [join(ROOT, 'docs/man/oyster-keygen.1'), 'tools/keygen/oyster-keygen'],
        'oyster-eif': [join(ROOT, 'docs/man/oyster-eif.1'), 'tools/eif/oyster-eif'],
        'oyster-attestation-verifier': [
            join(ROOT, 'docs/man/oyster-attestation-verifier.8'),
            'tools/verifier/oyster-attestation-verifier',
        ],
        'oyster-vsock-proxy': [join(ROOT, 'docs/man/oyster-vsock-proxy.8'), 'tools/vsock_proxy/oyster-vsock-proxy'],
        oysterctl: [join(BUILD, 'tools/oysterctl/oysterctl.1'), 'tools/oysterctl/oysterctl'],
    };
    for (const [name, [page, program]] of Object.entries(pages)) {
        test(`each flag of ${name} --help has its place`, { skip: !existsSync(page) && 'no page' }, async () => {
            const text = readFileSync(page, 'utf8').replaceAll('\\-', '-');
            const help = await runs(join(BUILD, program), ['--help']);
            const flags = new Set(help.match(/(?<=^ +(?:-\w, )?)--[a-z][a-z-]+/gm));
            assert.ok(flags.size >= 4, help);
            const missing = [...flags].filter((flag) => !new RegExp(`${flag}(?![a-z-])`).test(text));
            assert.deepEqual(missing, [], page);
        });
    }

    test('they are whole', { skip: without('man') }, async () => {
        for (const [page] of Object.values(pages).filter(([path]) => existsSync(path))) {
            const { stderr } = await run('man', ['--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z', page], {
                env: { ...process.env, LC_ALL: 'C.UTF-8', MANWIDTH: '80' },
            });
            assert.equal(stderr, '', page);
        }
    });
});

describe('the Debian package', { skip: without('dpkg-deb', 'dpkg-shlibdeps') }, () => {
    const root = join(scratch, 'unpacked');
    const config = join(root, 'etc', NAME, 'config.json');
    let file;

    test('it is made of the build, quickly', async () => {
        file = resolve(ROOT, (await runs('deploy/debian/build.sh', [BUILD])).trim());
        await runs('dpkg', ['-x', file, root]);
    });

    test('lintian finds no error', { skip: without('lintian') }, async () => {
        const { code, stdout } = await run('lintian', ['--fail-on', 'error', '--allow-root', file]);
        assert.equal(code, 0, stdout);
    });

    test('it holds programs, unit, user, settings, pages and documents', async () => {
        const files = filesBelow(root);
        for (const path of [
            `/usr/bin/${NAME}`, '/usr/bin/oysterctl', '/usr/bin/oyster-keygen',
            `/lib/systemd/system/${NAME}.service`, `/usr/lib/sysusers.d/${NAME}.conf`, `/etc/${NAME}/config.json`,
            `/usr/share/man/man8/${NAME}.8.gz`, '/usr/share/man/man1/oyster-keygen.1.gz',
            `/usr/share/doc/${NAME}/configuration.md`, `/usr/share/doc/${NAME}/changelog.gz`,
            `/usr/share/${NAME}/prometheus/alerts.yml`, `/usr/share/${NAME}/grafana/oyster-executor.json`,
        ]) assert.ok(files.includes(path), `${path} is missing:\n${files.join('\n')}`);
        const fields = await runs('dpkg-deb', ['-f', file]);
        assert.match(fields, /^Depends: .*libc6 .*libuv1 .*adduser/m);
        await runs('dpkg-deb', ['-e', file, join(scratch, 'control')]);
        assert.equal(readFileSync(join(scratch, 'control/conffiles'), 'utf8').trim(), `/etc/${NAME}/config.json`);
        for (const script of ['postinst', 'prerm', 'postrm']) await runs('sh', ['-n', join(scratch, 'control', script)]);
    });

    test('its programs run', async () => {
        for (const name of [NAME, 'oysterctl', 'oyster-keygen']) {
            const said = await runs(join(root, 'usr/bin', name), [name === 'oysterctl' ? 'version' : '--version']);
            assert.match(said, /\d+\.\d+\.\d+/);
        }
        const key = join(scratch, 'id.sec');
        await runs(join(root, 'usr/bin/oyster-keygen'), ['--secret', key, '--public', `${key}.pub`]);
        const given = ['--config-file', config, '--enclave-signer-file', key, '--workerd-runtime-path', workerdDir()];
        assert.equal(await runs(join(root, 'usr/bin', NAME), ['--check-config', ...given]), `${config}: ok\n`);
        const env = { ...process.env, OYSTER_EXECUTOR_ENCLAVE_SIGNER_FILE: key };
        const broken = await run(join(root, 'usr/bin', NAME), ['--check-config', '--config-file', config], { env });
        assert.equal(broken.code, 1);
        assert.match(broken.stderr, /key workerd_runtime_path: \/usr\/lib\/oyster/);
    });
});

describe('make install', { skip: sanitized }, () => {
    test('what it installs, uninstall takes away', async () => {
        const stage = join(scratch, 'stage');
        const env = { ...process.env, DESTDIR: stage };
        const prefix = option('prefix');
        await runs('meson', ['install', '-C', BUILD, '--no-rebuild', '--quiet'], { env });
        const files = filesBelow(join(stage, prefix));
        for (const path of [`/bin/${NAME}`, `/lib/systemd/system/${NAME}.service`, `/share/doc/${NAME}/README.md`,
            `/share/doc/${NAME}/examples/config.json`, `/share/man/man8/${NAME}.8`]) {
            assert.ok(files.includes(path), `${path} is missing:\n${files.join('\n')}`);
        }
        await runs('ninja', ['-C', BUILD, 'uninstall'], { env });
        assert.deepEqual(existsSync(stage) ? filesBelow(stage) : [], []);
    });
});

describe('make uninstall', { skip: without('make') }, () => {
    test('takes away what make installed, whatever was installed elsewhere since', async () => {
        const stage = join(scratch, 'made');
        const make = (target) => runs('make', [target, `BUILD=${BUILD}`, `PREFIX=${option('prefix')}`, `DESTDIR=${stage}`]);
        await make('install');
        await make('install-runtime');
        assert.ok(existsSync(join(stage, option('prefix'), 'lib', 'oyster', 'workerd')));
        await runs('meson', ['install', '-C', BUILD, '--no-rebuild', '--quiet', '--destdir', join(scratch, 'elsewhere')]);
        await make('uninstall');
        assert.deepEqual(existsSync(stage) ? filesBelow(stage) : [], []);
    });
});

describe('the systemd unit', { skip: lacks('systemd-analyze') && 'no systemd here' }, () => {
    const unit = read(`deploy/systemd/${NAME}.service`);
    const value = (key) => unit.match(new RegExp(`^${key}=(.*)$`, 'm'))?.[1];

    test('systemd takes it', async () => {
        const copy = join(scratch, `${NAME}.service`);
        const program = process.env.OYSTER_BIN ?? join(BUILD, 'src', NAME);
        writeFileSync(copy, unit.replace(/^ExecStart=\S+/m, `ExecStart=${program}`));
        const verified = await run('systemd-analyze', ['verify', '--man=no', copy]);
        assert.equal(verified.code, 0, verified.stderr);
        assert.ok(!verified.stderr.includes(NAME), verified.stderr); // a word about a line is a mistake in it
        // 10 is no protection at all, the threshold is in tenths
        await runs('systemd-analyze', ['security', '--offline=true', '--threshold=35', '--no-pager', copy]);
    });

    test('workers can live under it', () => {
        assert.equal(value('Delegate'), 'cpu memory pids');
        assert.equal(value('Type'), 'notify');
        for (const key of ['MemoryDenyWriteExecute', 'ProtectControlGroups', 'RestrictNamespaces', 'PrivateUsers',
            'ProtectHostname']) assert.equal(value(key), undefined, key);
        // What the sandbox calls beyond @system-service; seen by strace.
        for (const call of ['@mount', '@pkey', 'seccomp', 'sethostname']) {
            assert.ok(value('SystemCallFilter').split(' ').includes(call), call);
        }
        assert.ok(Number(value('TimeoutStopSec')) > 30, 'a drain takes up to 30 s');
    });

    test('its flags are the program\'s', async () => {
        const help = await runs(process.env.OYSTER_BIN ?? join(BUILD, 'src', NAME), ['--help']);
        const flags = value('ExecStart').match(/--[a-z-]+/g);
        assert.ok(flags.length > 1);
        for (const flag of flags) assert.ok(help.includes(`${flag} `), flag);
    });
});

describe('the Dockerfile', () => {
    // Instructions with their line continuations joined and comments left out.
    const lines = read('deploy/Dockerfile').replace(/^#.*\n/gm, '').replace(/\\\n/g, ' ').split('\n').filter(Boolean);
    const all = (word) => lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1).trim());
    const sources = all('COPY').filter((line) => !line.startsWith('--from')).map((line) => line.split(/\s+/).slice(0, -1));
    const ignored = read('.dockerignore').split('\n').filter((line) => line.startsWith('!')).map((line) => line.slice(1));

    test('it says what a container needs to know', () => {
        assert.ok(all('FROM').length >= 2 && all('FROM').at(-1) === 'debian:12-slim', 'stages, the last one slim');
        assert.deepEqual(all('STOPSIGNAL'), ['SIGTERM']);
        assert.deepEqual(all('VOLUME'), ['/data']);
        assert.deepEqual(all('EXPOSE'), ['6001 9001']);
        assert.match(all('HEALTHCHECK')[0], /--health-check/);
        assert.match(all('ENTRYPOINT')[0], /"tini"/);
        for (const word of lines.map((line) => line.split(' ')[0])) {
            if (/^[A-Z]+$/.test(word)) assert.ok(['FROM', 'RUN', 'WORKDIR', 'COPY', 'ENV', 'VOLUME', 'EXPOSE', 'STOPSIGNAL', 'HEALTHCHECK', 'ENTRYPOINT'].includes(word), word);
        }
    });

    test('what it copies is there and not ignored', () => {
        for (const source of sources.flat()) {
            assert.ok(existsSync(join(ROOT, source)), source);
            assert.ok(ignored.includes(source) || ignored.includes(dirname(source)), `${source} is not in .dockerignore`);
        }
        for (const stage of all('COPY').map((line) => line.match(/^--from=(\S+)/)?.[1]).filter(Boolean)) {
            assert.ok(all('FROM').some((line) => line.endsWith(` AS ${stage}`)), stage);
        }
    });

    test('its commands are shell, its packages are known', async () => {
        for (const command of all('RUN')) await runs('bash', ['-n', '-c', command]);
        await runs('sh', ['-n', join(ROOT, 'deploy/entrypoint.sh')]);
        assert.ok(statSync(join(ROOT, 'deploy/entrypoint.sh')).mode & 0o100);
        const os = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
        if (!/^VERSION_CODENAME=bookworm$/m.test(os)) return; // the image's release
        const packages = all('RUN').flatMap((command) =>
            [...command.matchAll(/--no-install-recommends\s+([^&]*)/g)].flatMap((m) => m[1].trim().split(/\s+/)));
        assert.ok(packages.length > 20);
        const known = await runs('apt-cache', ['policy', ...packages]);
        for (const name of packages) assert.ok(known.includes(`\n${name}:\n`) || known.startsWith(`${name}:\n`), name);
    });

    test('what it copies is enough to build', { skip: without('meson') }, async () => {
        const tree = join(scratch, 'context');
        const untracked = (path) => !/\/(build[^/.]*|node_modules|__pycache__)(\/|$)/.test(path.slice(ROOT.length));
        for (const source of sources.flat().filter((path) => !path.startsWith('package'))) {
            cpSync(join(ROOT, source), join(tree, source), { recursive: true, filter: untracked });
        }
        const setup = all('RUN').join('\n').match(/meson setup ([^&]*)build/)[1].trim().split(/\s+/);
        await runs('meson', ['setup', ...setup, join(scratch, 'docker-build'), tree]);
        const plan = readFileSync(join(scratch, 'docker-build/meson-info/intro-installed.json'), 'utf8');
        assert.ok(plan.includes(`/usr/bin/${NAME}`));
        assert.equal(basename(tree), 'context');
    });

    test('the libraries at run time are those of the program', { skip: without('dpkg-query', 'ldd') }, async () => {
        const needed = await runs('readelf', ['-d', process.env.OYSTER_BIN ?? join(BUILD, 'src', NAME)]);
        const wanted = all('RUN').at(-1);
        for (const [, library] of needed.matchAll(/NEEDED.*\[(lib[^\]]+)\]/g)) {
            if (/^lib(c|m)\.so/.test(library)) continue;
            const { stdout } = await run('dpkg-query', ['-S', `*/${library}`]);
            const owners = [...new Set(stdout.split('\n').filter(Boolean).map((line) => line.split(':')[0]))];
            assert.ok(owners.some((name) => wanted.split(/\s+/).includes(name)), `${library}: ${owners}`);
        }
    });
});
