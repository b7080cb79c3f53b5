// oyster-vsock-proxy on TCP and unix sockets: two of them in a row, as an enclave and its parent have them, the unix
// socket in the place of vsock (which the tests in the virtual machine have).
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, test } from 'node:test';
import { Child } from '../../devnet/lib/proc.mjs';
import { assert, sleep, waitFor } from './harness.mjs';

const PROGRAM = join(process.env.OYSTER_BUILD ?? 'build', 'tools', 'vsock_proxy', 'oyster-vsock-proxy');
const MIB = 1024 * 1024;
const dir = mkdtempSync(join(tmpdir(), 'oyster-proxy-'));
const cleanups = [];
let count = 0;

afterEach(async () => {
    for (const clean of cleanups.splice(0).reverse()) await clean();
});
after(() => rmSync(dir, { recursive: true }));

// A proxy that runs; command: words in front of it.
async function proxy(args, { command = [] } = {}) {
    const name = `proxy-${++count}`;
    const [program, ...rest] = [...command, PROGRAM, ...args, '--log-level', 'debug'];
    const child = new Child(name, program, rest, { logFile: join(dir, `${name}.log`) });
    cleanups.push(() => child.stop('SIGKILL'));
    await waitFor(`${name} to start`, () => {
        if (!child.running) throw new Error(`${name} ended: ${child.log()}`);
        return child.log().includes('event=started');
    });
    child.port = Number(child.log().match(/event=listening from=tcp:[^ ]*:(\d+)/)?.[1]);
    return child;
}

// A TCP server on a free port; onSocket for each connection, both of whose directions end on their own.
async function server(onSocket) {
    const sockets = new Set();
    const s = createServer({ allowHalfOpen: true }, (socket) => {
        s.connections++;
        sockets.add(socket);
        socket.on('error', (e) => (socket.failure = e)).on('close', () => sockets.delete(socket));
        onSocket(socket);
    });
    s.connections = 0;
    await new Promise((resolve) => s.listen(0, '127.0.0.1', 2048, resolve));
    cleanups.push(() => {
        for (const socket of sockets) socket.destroy();
        return new Promise((resolve) => s.close(resolve));
    });
    s.sockets = sockets;
    return s;
}

const echo = (socket) => socket.pipe(socket);

function client(port) {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', (e) => (socket.failure = e));
    cleanups.push(() => socket.destroy());
    return socket;
}

// What comes until the end of that direction; the other one stays open.
async function readAll(socket) {
    const chunks = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    await once(socket, 'end');
    return Buffer.concat(chunks);
}

async function countAll(socket) {
    let n = 0;
    socket.on('data', (chunk) => (n += chunk.length)).resume();
    await once(socket, 'end');
    return n;
}

// The code of the error by which a socket ends, undefined where it ends well.
async function ending(socket) {
    socket.resume();
    await waitFor('the end of a connection', () => socket.closed);
    return socket.failure?.code;
}

// TCP → proxy → unix socket → proxy → TCP. Returns the proxies; the first one's port is the entrance.
async function chain(to, { near = [], far = [] } = {}) {
    const path = join(dir, `socket-${++count}`);
    const parent = await proxy([`--forward=unix:${path}=${to}`, ...far]);
    const enclave = await proxy([`--forward=tcp:127.0.0.1:0=unix:${path}`, ...near]);
    return { enclave, parent, path };
}

const rss = (child) => Number(readFileSync(`/proc/${child.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]) * 1024;
const openFiles = (child) => readdirSync(`/proc/${child.pid}/fd`).length;

describe('oyster-vsock-proxy', { timeout: 240_000 }, () => {
    test('carries bytes both ways', async () => {
        const s = await server(echo);
        const { enclave } = await chain(`tcp:localhost:${s.address().port}`);
        const socket = client(enclave.port);
        const sent = Buffer.alloc(5 * MIB, 'abcdefghijk');
        socket.end(sent);
        assert.ok((await readAll(socket)).equals(sent));
    });

    test('passes on the end of what the client says, and carries the answer after it', async () => {
        const s = await server(async (socket) => socket.end(`${(await readAll(socket)).length} bytes`));
        const { enclave } = await chain(`tcp:127.0.0.1:${s.address().port}`);
        const socket = client(enclave.port);
        socket.write(Buffer.alloc(300_000));
        await sleep(100);
        socket.end(Buffer.alloc(7));
        assert.equal(String(await readAll(socket)), '300007 bytes');
        assert.equal(await ending(socket), undefined);
    });

    test('passes on the end of what the server says, and carries what the client still sends', async () => {
        let received;
        const s = await server((socket) => {
            received = readAll(socket);
            socket.end('that is all');
        });
        const { enclave } = await chain(`tcp:127.0.0.1:${s.address().port}`);
        const socket = client(enclave.port);
        assert.equal(String(await readAll(socket)), 'that is all');
        socket.end(Buffer.alloc(300_000));
        assert.equal((await received).length, 300_000);
        assert.equal(await ending(socket), undefined);
    });

    test('carries 2,000 streams at a time and keeps nothing of them', async () => {
        const N = 2000;
        const s = await server(echo);
        const { enclave, parent } = await chain(`tcp:127.0.0.1:${s.address().port}`);
        const before = [openFiles(enclave), openFiles(parent)];
        const sockets = Array.from({ length: N }, () => client(enclave.port));
        sockets.forEach((socket, i) => socket.write(`stream ${i} `));
        await waitFor('2,000 streams', () => s.sockets.size === N);
        sockets.forEach((socket) => socket.end('ends'));
        const answers = await Promise.all(sockets.map(readAll));
        answers.forEach((answer, i) => assert.equal(String(answer), `stream ${i} ends`));
        await waitFor('their ends', () => openFiles(enclave) === before[0] && openFiles(parent) === before[1]);
    });

    test('does not grow with a reader that does not read', async () => {
        const [N, EACH] = [8, 64 * MIB]; // more than the kernel's buffers take
        const s = await server((socket) => socket.pause());
        const { enclave, parent } = await chain(`tcp:127.0.0.1:${s.address().port}`);
        const before = [rss(enclave), rss(parent)];
        const sockets = Array.from({ length: N }, () => client(enclave.port));
        const piece = Buffer.alloc(EACH, 'x');
        for (const socket of sockets) socket.end(piece);
        await waitFor('all streams', () => s.sockets.size === N);
        // what the proxies hold stops growing long before everything is sent
        await waitFor('a standstill', async () => {
            const sent = sockets.reduce((sum, socket) => sum + socket.bytesWritten - socket.writableLength, 0);
            await sleep(300);
            return sent === sockets.reduce((sum, socket) => sum + socket.bytesWritten - socket.writableLength, 0);
        });
        assert.ok(sockets.every((socket) => socket.writableLength > 0), 'the writers wait');
        const grown = [rss(enclave) - before[0], rss(parent) - before[1]];
        console.log(`${N} stuck streams of ${EACH / MIB} MiB: grown by ${grown.map((n) => (n / MIB).toFixed(1))} MiB`);
        for (const n of grown) assert.ok(n < 2 * N * 65536 + 16 * MIB, `grown by ${n} bytes`);
        assert.deepEqual(await Promise.all([...s.sockets].map(countAll)), Array(N).fill(EACH));
    });

    test('resets the client where nobody listens', async () => {
        const s = await server(echo);
        const { port } = s.address();
        await new Promise((resolve) => s.close(resolve));
        const { enclave, parent } = await chain(`tcp:127.0.0.1:${port}`);
        assert.equal(await ending(client(enclave.port)), 'ECONNRESET');
        assert.match(parent.log(), /event=stream_failed .*Connection refused/);
        const none = await proxy([`--forward=tcp:127.0.0.1:0=unix:${join(dir, 'nothing')}`]);
        assert.equal(await ending(client(none.port)), 'ECONNRESET');
    });

    test('passes on a reset from either side', async () => {
        const s = await server(() => {});
        const p = await proxy([`--forward=tcp:127.0.0.1:0=tcp:127.0.0.1:${s.address().port}`]);
        const [a, b] = [client(p.port), client(p.port)];
        a.write('a');
        b.write('b');
        await waitFor('both', () => s.sockets.size === 2);
        const [first, second] = [...s.sockets];
        first.resume();
        second.resume();
        const ends = [ending(a), ending(b)];
        first.resetAndDestroy();
        assert.equal(await Promise.race(ends), 'ECONNRESET');
        (a.closed ? b : a).resetAndDestroy();
        await waitFor('the end of the other', () => s.sockets.size === 0);
        assert.equal(second.failure?.code, 'ECONNRESET');
    });

    test('refuses a destination that is not allowed before it connects', async () => {
        const s = await server(echo);
        const to = `tcp:127.0.0.1:${s.address().port}`;
        for (const allow of ['127.0.0.2', '10.0.0.0/8', `127.0.0.1:${s.address().port ^ 1}`]) {
            const p = await proxy([`--forward=tcp:127.0.0.1:0=${to}`, `--allow=${allow}`]);
            assert.equal(await ending(client(p.port)), 'ECONNRESET');
            assert.match(p.log(), /event=stream_refused .*is not allowed/);
        }
        const named = await proxy([`--forward=tcp:127.0.0.1:0=tcp:localhost:${s.address().port}`, '--allow=10.0.0.0/8']);
        assert.equal(await ending(client(named.port)), 'ECONNRESET');
        assert.equal(s.connections, 0);
        const p = await proxy([`--forward=tcp:127.0.0.1:0=${to}`, '--allow=10.0.0.0/8', '--allow=127.0.0.0/8']);
        const socket = client(p.port);
        socket.end('in');
        assert.equal(String(await readAll(socket)), 'in');
    });

    test('takes so many streams and no more; the next one waits', async () => {
        const s = await server(echo);
        const p = await proxy([`--forward=tcp:127.0.0.1:0=tcp:127.0.0.1:${s.address().port}`, '--max-streams=2']);
        const [a, b, c] = [client(p.port), client(p.port), client(p.port)];
        for (const socket of [a, b, c]) socket.write('x');
        await waitFor('two', () => s.connections === 2);
        await sleep(300);
        assert.equal(s.connections, 2);
        a.end();
        await ending(a);
        await waitFor('the third', () => s.connections === 3);
        for (const socket of [b, c]) socket.end();
        assert.deepEqual([String(await readAll(b)), String(await readAll(c))], ['x', 'x']);
    });

    test('resets a stream without a byte', async () => {
        const s = await server(echo);
        const p = await proxy([`--forward=tcp:127.0.0.1:0=tcp:127.0.0.1:${s.address().port}`, '--idle-seconds=1']);
        const socket = client(p.port);
        socket.write('x');
        assert.equal(await ending(socket), 'ECONNRESET');
    });

    test('resets a stream that is all that is left of a client', async () => {
        const s = await server((socket) => socket.pause());
        const args = [`--forward=tcp:127.0.0.1:0=tcp:127.0.0.1:${s.address().port}`, '--stall-seconds=2'];
        const p = await proxy(args);
        const before = openFiles(p);
        // one ends without a word; of what two others send nothing is taken: one is killed, one still waits
        client(p.port).end();
        const [killed, waits] = [client(p.port), client(p.port)];
        for (const socket of [killed, waits]) socket.write(Buffer.alloc(32 * MIB));
        const whole = client(p.port);
        await waitFor('all', () => s.sockets.size === 4);
        await sleep(500);
        killed.destroy();
        assert.equal(await ending(waits), 'ECONNRESET');
        await waitFor('the ends of three', () => openFiles(p) === before + 2);
        await sleep(1000);
        assert.equal(openFiles(p), before + 2, 'a stream that is only silent lives on');
        assert.ok(!whole.closed);
        assert.equal(p.log().match(/event=stream_failed .*takes nothing/g).length, 3);
    });

    test('lets streams end after SIGTERM, then goes', async () => {
        const s = await server(echo);
        const { enclave, path } = await chain(`tcp:127.0.0.1:${s.address().port}`);
        const socket = client(enclave.port);
        socket.write('before ');
        await once(socket, 'readable');
        process.kill(enclave.pid, 'SIGTERM');
        await waitFor('draining', () => enclave.log().includes('event=draining'));
        assert.equal(await ending(client(enclave.port)), 'ECONNREFUSED');
        socket.end('after');
        assert.equal(String(await readAll(socket)), 'before after');
        await waitFor('its end', () => !enclave.running);
        assert.match(enclave.log(), /event=stopped/);
        assert.ok(existsSync(path));
    });

    test('resets streams that do not end in time, and removes its socket', async () => {
        const s = await server(echo);
        const { enclave, parent, path } = await chain(`tcp:127.0.0.1:${s.address().port}`, { far: ['--drain-seconds=1'] });
        const socket = client(enclave.port);
        socket.write('x');
        await once(socket, 'readable');
        const { code } = await parent.stop('SIGTERM', 20_000);
        assert.equal(code, 0);
        assert.ok(!existsSync(path));
        await waitFor('its end on the other side', () => s.sockets.size === 0);
    });

    test('takes the place of one that was killed, and of no other', async () => {
        const s = await server(echo);
        const { parent, path } = await chain(`tcp:127.0.0.1:${s.address().port}`);
        const args = [`--forward=unix:${path}=tcp:127.0.0.1:${s.address().port}`];
        const second = spawnSync(PROGRAM, args, { encoding: 'utf8', timeout: 20_000 });
        assert.deepEqual([second.status, second.stderr.match(/listen on unix:.*: (.*)/)?.[1]], [1, 'Address already in use']);
        await parent.stop('SIGKILL');
        await proxy(args);
        const file = join(dir, 'file');
        writeFileSync(file, 'kept');
        assert.equal(spawnSync(PROGRAM, [`--forward=unix:${file}=tcp:127.0.0.1:1`], { timeout: 20_000 }).status, 1);
        assert.equal(readFileSync(file, 'utf8'), 'kept');
    });

    test('tells a bad command line in one line', () => {
        const cases = [
            [[], /found no forward, expected one of/],
            [['--tcp-to-vsock', '127.0.0.1:1'], /--tcp-to-vsock: found "127.0.0.1:1", expected FROM=TO/],
            [['--tcp-to-vsock', '127.0.0.1:1=x:1'], /found "x:1", expected CID:PORT/],
            [['--vsock-to-tcp', '3:1=host'], /found "host", expected HOST:PORT/],
            [['--forward', 'tcp:1.1.1.1:1=udp:1.1.1.1:1'], /expected tcp:HOST:PORT, vsock:CID:PORT or unix:PATH/],
            [['--alow=10.0.0.0/8'], /--alow=10.0.0.0\/8: unknown flag, the nearest known one is --allow/],
            [['--allow=10.0.0.0/33'], /--allow: found "10.0.0.0\/33", expected ADDRESS/],
            [['--max-streams=0'], /--max-streams: found "0", expected a number from 1/],
        ];
        for (const [args, expected] of cases) {
            const { status, stderr } = spawnSync(PROGRAM, args, { encoding: 'utf8' });
            assert.equal(status, 2);
            assert.match(stderr, expected);
            assert.equal(stderr.trim().split('\n').length, 1);
        }
    });
});

// Two network namespaces without a way out: the outer one stands for the parent, 8.8.4.4 there for a public server; the
// inner one has nothing but its loopback.
describe('oyster-vsock-proxy as the way out of a machine without a network', { timeout: 120_000 }, () => {
    const root = process.getuid() === 0;
    const PUBLIC = '8.8.4.4';
    const OWN = '8.8.4.5'; // of an interface of the parent
    const SERVE = `
        const echo = (s) => { s.on('error', () => {}); s.pipe(s); };
        for (const [host, port] of [['${OWN}', 443], ['${PUBLIC}', 443], ['${PUBLIC}', 60001], ['127.0.0.1', 443]])
            require('net').createServer({ allowHalfOpen: true }, echo).listen(port, host);
        // DNS over TCP: every name has the address 93.184.216.34, and no IPv6 one.
        const reply = (s, q) => {
            const end = q.indexOf(0, 12) + 5, v4 = q.readUInt16BE(end - 4) === 1;
            const head = Buffer.from([...q.subarray(0, 2), 0x81, 0x80, 0, 1, 0, v4 ? 1 : 0, 0, 0, 0, 0]);
            const address = v4 ? [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 93, 184, 216, 34] : [];
            const answer = Buffer.concat([head, q.subarray(12, end), Buffer.from(address)]);
            s.write(Buffer.concat([Buffer.from([answer.length >> 8, answer.length & 255]), answer]));
        };
        require('net').createServer((s) => {
            let waiting = Buffer.alloc(0);
            s.on('error', () => {}).on('data', (d) => {
                waiting = Buffer.concat([waiting, d]);
                for (let n; waiting.length >= 2 && waiting.length >= (n = 2 + waiting.readUInt16BE(0)); ) {
                    reply(s, waiting.subarray(2, n));
                    waiting = waiting.subarray(n);
                }
            });
        }).listen(53, '${PUBLIC}');
        setInterval(() => {}, 1e6);`;
    // Sends to each destination and prints what comes back, or the error.
    const ASK = `
        const ask = ([host, port]) => new Promise((resolve) => {
            let text = '';
            const s = require('net').connect({ host, port, allowHalfOpen: true });
            s.on('data', (d) => (text += d)).on('end', () => resolve(text)).on('error', (e) => resolve(e.code));
            s.end(host + ':' + port);
        });
        Promise.all(JSON.parse(process.argv[1]).map(ask)).then((all) => console.log(JSON.stringify(all)));`;

    // Opens ten connections, one after the other, says what comes of each and keeps what it can.
    const HOLD = `
        const open = (host) => new Promise((resolve) => {
            const s = require('net').connect({ host, port: 443 });
            s.on('data', (d) => resolve(String(d))).on('error', (e) => resolve(e.code));
            s.write('hello');
        });
        (async () => { for (let i = 0; i < 10; i++) console.log(await open(process.argv[1])); setInterval(() => {}, 1e6); })();`;

    test('reaches public destinations on any port, and no other', { skip: !root && 'needs root' }, async () => {
        const path = join(dir, 'egress');
        const inside = (child) => ['nsenter', '-t', String(child.pid), '-n'];
        const serve = `ip link set lo up && ip address add ${PUBLIC}/32 dev lo && ip tuntap add tun0 mode tun && ip address add ${OWN}/32 dev tun0 && ip link set tun0 up && exec ${process.execPath} -e "$0"`;
        const outer = new Child('outer', 'unshare', ['-n', 'sh', '-c', serve, SERVE], { logFile: join(dir, 'outer.log') });
        cleanups.push(() => outer.stop('SIGKILL'));
        const listens = () => spawnSync('nsenter', ['-t', String(outer.pid), '-n', 'ss', '-Hltn'], { encoding: 'utf8' });
        await waitFor('the server', () => listens().stdout.split('\n').length === 6);
        const parent = await proxy([`--egress-from=unix:${path}`], { command: inside(outer) });
        const enclave = await proxy([`--egress-to=unix:${path}`], { command: ['unshare', '-n'] });
        const ask = (destinations) => {
            const args = [...inside(enclave).slice(1), process.execPath, '-e', ASK, JSON.stringify(destinations)];
            const { stdout, stderr } = spawnSync('nsenter', args, { encoding: 'utf8', timeout: 30_000 });
            assert.notEqual(stdout, '', stderr);
            return JSON.parse(stdout);
        };
        const answers = ask([[PUBLIC, 443], [PUBLIC, 60001], [PUBLIC, 444], ['10.0.0.1', 443], ['127.0.0.1', 443], [OWN, 443]]);
        const expected = [`${PUBLIC}:443`, `${PUBLIC}:60001`, 'ECONNRESET', 'ECONNRESET', 'ECONNREFUSED', 'ECONNRESET'];
        assert.deepEqual(answers, expected);
        assert.match(parent.log(), /event=stream_refused .*destination 10.0.0.1:443 is not allowed/);
        assert.match(parent.log(), /event=stream_refused .*destination 8.8.4.5:443 is this machine's own/);

        // what another user opens leaves half of the streams
        const small = join(dir, 'small');
        await proxy([`--egress-from=unix:${small}`], { command: inside(outer) });
        const shared = await proxy([`--egress-to=unix:${small}`, '--max-streams=8'], { command: ['unshare', '-n'] });
        const many = [...inside(shared).slice(1), 'setpriv', '--reuid=60599', '--clear-groups', process.execPath, '-e', HOLD];
        const other = new Child('other', 'nsenter', [...many, PUBLIC], { logFile: join(dir, 'other.log') });
        cleanups.push(() => other.stop('SIGKILL'));
        await waitFor('ten outcomes', () => other.log().trim().split('\n').length === 10);
        assert.equal(other.log().match(/hello/g).length, 4);
        assert.equal(other.log().match(/ECONNRESET/g).length, 6);
        assert.match(shared.log(), /event=stream_failed .*of another user/);
        const mine = [...inside(shared).slice(1), process.execPath, '-e', ASK, JSON.stringify([[PUBLIC, 443]])];
        assert.deepEqual(JSON.parse(spawnSync('nsenter', mine, { encoding: 'utf8', timeout: 30_000 }).stdout), [`${PUBLIC}:443`]);

        // names, as docs/vsock.md has them resolved: over TCP, which the way out carries
        const [resolver, names] = [join(dir, 'resolv.conf'), join(dir, 'nsswitch.conf')];
        writeFileSync(resolver, `nameserver ${PUBLIC}\noptions use-vc\n`);
        writeFileSync(names, 'hosts: files dns\n');
        const look = `mount --bind ${resolver} /etc/resolv.conf && mount --bind ${names} /etc/nsswitch.conf && getent ahosts "$0"`;
        const command = [...inside(enclave).slice(1), 'unshare', '-m', 'sh', '-c', look, 'some.name.example'];
        const found = spawnSync('nsenter', command, { encoding: 'utf8', timeout: 30_000 });
        assert.match(found.stdout, /^93\.184\.216\.34 /, found.stderr);

        const route = () => spawnSync('nsenter', [...inside(enclave).slice(1), 'ip', 'route'], { encoding: 'utf8' });
        assert.match(route().stdout, /^local default dev lo/);
        const second = spawnSync('nsenter', [...inside(enclave).slice(1), PROGRAM, `--egress-to=unix:${path}`]);
        assert.equal(second.status, 1);
        assert.match(String(second.stderr), /egress: another process does this here already/);

        // killed, it leaves its route, which the next one takes over; a route that is somebody else's stays
        const keeper = new Child('keeper', 'nsenter', [...inside(enclave).slice(1), 'sleep', '1000'], { logFile: join(dir, 'keeper.log') });
        cleanups.push(() => keeper.stop('SIGKILL'));
        await waitFor('the keeper', () => keeper.running && existsSync(`/proc/${keeper.pid}/ns/net`));
        await sleep(200);
        await enclave.stop('SIGKILL');
        const kept = (...command) => spawnSync('nsenter', ['-t', String(keeper.pid), '-n', ...command], { encoding: 'utf8', timeout: 30_000 });
        assert.match(kept('ip', 'route').stdout, /^local default dev lo/);
        const next = await proxy([`--egress-to=unix:${path}`], { command: inside(keeper) });
        assert.deepEqual(JSON.parse(kept(process.execPath, '-e', ASK, JSON.stringify([[PUBLIC, 443]])).stdout), [`${PUBLIC}:443`]);
        await next.stop('SIGTERM');
        assert.equal(kept('ip', 'route').stdout, '');
        kept('ip', 'route', 'add', 'default', 'dev', 'lo');
        const foreign = kept(PROGRAM, `--egress-to=unix:${path}`);
        assert.equal(foreign.status, 1);
        assert.match(foreign.stderr, /this machine has a default route already/);
        assert.match(kept('ip', 'route').stdout, /^default dev lo/);
    });
});
