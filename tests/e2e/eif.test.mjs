// oyster-eif against a reader and hashes of our own: the layout is read from the bytes here, every PCR is computed by
// sha384sum from the raw parts, the signature is checked by node's crypto.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate, createPrivateKey, randomBytes, verify } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { toolBinary } from '../../devnet/lib/paths.mjs';
import { decodeCbor, encodeCbor } from '../../devnet/lib/cbor.mjs';

const HEADER = 548;
const TYPES = [null, 'kernel', 'cmdline', 'ramdisk', 'signature', 'metadata'];

let dir;
const path = (name) => join(dir, name);
const put = (name, data) => (writeFileSync(path(name), data), path(name));

function eif(...args) {
    const { status, stdout, stderr } = spawnSync(toolBinary('eif', 'oyster-eif'), args, {
        encoding: 'utf8',
        env: { ...process.env, SOURCE_DATE_EPOCH: undefined, ...args.env },
    });
    return { status, stdout, stderr };
}

function build(output, ...more) {
    const done = eif('build', '--kernel', path('kernel'), '--cmdline', 'console=ttyS0 panic=-1', '--ramdisk',
        path('ramdisk-0'), '--output', path(output), ...more, '--json');
    assert.equal(done.status, 0, done.stderr);
    return JSON.parse(done.stdout);
}

// The file as its header's tables say, and as its sections follow each other: both must agree.
function readImage(bytes) {
    const head = {
        magic: bytes.toString('latin1', 0, 4),
        version: bytes.readUInt16BE(4),
        flags: bytes.readUInt16BE(6),
        memory: bytes.readBigUInt64BE(8),
        cpus: bytes.readBigUInt64BE(16),
        count: bytes.readUInt16BE(26),
        crc: bytes.readUInt32BE(544),
    };
    const sections = [];
    let at = HEADER;
    for (let i = 0; i < 32; i++) {
        const offset = Number(bytes.readBigUInt64BE(28 + 8 * i));
        const size = Number(bytes.readBigUInt64BE(284 + 8 * i));
        if (i >= head.count) {
            assert.deepEqual([offset, size], [0, 0]);
            continue;
        }
        assert.equal(offset, at);
        assert.equal(Number(bytes.readBigUInt64BE(at + 4)), size);
        sections.push({ type: TYPES[bytes.readUInt16BE(at)], data: bytes.subarray(at + 12, at + 12 + size) });
        at += 12 + size;
    }
    assert.equal(at, bytes.length);
    return { ...head, sections, part: (type) => sections.filter((s) => s.type === type).map((s) => s.data) };
}

// CRC-32 bit by bit: slow and plain.
function plainCrc(bytes) {
    if (crc32) return crc32(bytes);
    let crc = 0xffffffff;
    for (const byte of bytes) {
        crc ^= byte;
        for (let k = 0; k < 8; k++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    }
    return ~crc >>> 0;
}

const sha384sum = (bytes) => Buffer.from(execFileSync('sha384sum', { input: bytes }).toString().slice(0, 96), 'hex');
const pcr = (...parts) => sha384sum(Buffer.concat([Buffer.alloc(48), sha384sum(Buffer.concat(parts))])).toString('hex');

function fixCrc(bytes) {
    bytes.writeUInt32BE(plainCrc(Buffer.concat([bytes.subarray(0, 544), bytes.subarray(548)])), 544);
    return bytes;
}

describe('enclave image files', () => {
    before(() => {
        dir = mkdtempSync(join(tmpdir(), 'oyster-eif-'));
        put('kernel', randomBytes(70_000));
        for (let i = 0; i < 3; i++) put(`ramdisk-${i}`, randomBytes(9000 + i));
        const openssl = (...args) => execFileSync('openssl', args, { stdio: 'pipe' });
        openssl('ecparam', '-name', 'secp384r1', '-genkey', '-noout', '-out', path('key.pem'));
        openssl('req', '-new', '-x509', '-sha384', '-key', path('key.pem'), '-subj', '/CN=image signer', '-out', path('cert.pem'));
        openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', path('p256.pem'));
        openssl('req', '-new', '-x509', '-key', path('p256.pem'), '-subj', '/CN=weak', '-out', path('p256-cert.pem'));
        openssl('ecparam', '-name', 'secp384r1', '-genkey', '-noout', '-out', path('other.pem'));
    });
    after(() => rmSync(dir, { recursive: true, force: true }));

    test('the layout is the specified one, and the measurements are those of the raw parts', () => {
        const said = build('three.eif', '--ramdisk', path('ramdisk-1'), '--ramdisk', path('ramdisk-2'), '--memory', '600',
            '--cpus', '4', '--name', 'node', '--image-version', '7', '--kernel-version', '6.1', '--build-time', '1700000000',
            '--arch', 'aarch64');
        const bytes = readFileSync(path('three.eif'));
        const image = readImage(bytes);
        assert.deepEqual([image.magic, image.version, image.flags], ['.eif', 4, 1]);
        assert.deepEqual([image.memory, image.cpus], [600n << 20n, 4n]);
        assert.equal(image.crc, plainCrc(Buffer.concat([bytes.subarray(0, 544), bytes.subarray(548)])));
        assert.deepEqual(image.sections.map((s) => s.type), ['kernel', 'cmdline', 'metadata', 'ramdisk', 'ramdisk', 'ramdisk']);
        assert.equal(image.part('cmdline')[0].toString(), 'console=ttyS0 panic=-1');
        const [kernel] = image.part('kernel');
        const [cmdline] = image.part('cmdline');
        const ramdisks = [0, 1, 2].map((i) => readFileSync(path(`ramdisk-${i}`)));
        assert.deepEqual(image.part('ramdisk'), ramdisks);
        assert.deepEqual(kernel, readFileSync(path('kernel')));
        assert.equal(said.Measurements.PCR0, pcr(kernel, cmdline, ...ramdisks));
        assert.equal(said.Measurements.PCR1, pcr(kernel, cmdline, ramdisks[0]));
        assert.equal(said.Measurements.PCR2, pcr(ramdisks[1], ramdisks[2]));
        assert.equal(said.Measurements.PCR8, undefined);
        assert.deepEqual(JSON.parse(image.part('metadata')[0]), {
            ImageName: 'node',
            ImageVersion: '7',
            BuildMetadata: {
                BuildTime: '2023-11-14T22:13:20+00:00',
                BuildTool: 'oyster-eif',
                BuildToolVersion: said.Metadata.BuildMetadata.BuildToolVersion,
                OperatingSystem: 'Linux',
                KernelVersion: '6.1',
            },
            DockerInfo: {},
            CustomMetadata: {},
        });
        assert.deepEqual([said.CheckCRC, said.IsSigned, said.ImageName, said.ImageVersion], [true, false, 'node', '7']);
    });

    test('one ramdisk: PCR2 is the register extended by nothing', () => {
        const said = build('one.eif');
        assert.equal(said.Measurements.PCR2, pcr());
        assert.equal(said.Measurements.PCR2.slice(0, 16), '21b9efbc18480766'); // as AWS's tools print it
        assert.equal(said.Measurements.PCR0, said.Measurements.PCR1);
    });

    test('the same input gives the same bytes', () => {
        build('a.eif');
        build('b.eif', '--build-time', '0');
        assert.deepEqual(readFileSync(path('a.eif')), readFileSync(path('b.eif')));
        build('c.eif', '--build-time', '1');
        assert.notDeepEqual(readFileSync(path('a.eif')), readFileSync(path('c.eif')));
        put('custom.json', '{ "a" : [1,  2] }\n');
        put('custom2.json', '{"a":[1,2]}');
        build('d.eif', '--custom-metadata', path('custom.json'));
        build('e.eif', '--custom-metadata', path('custom2.json'));
        assert.deepEqual(readFileSync(path('d.eif')), readFileSync(path('e.eif')));
    });

    test('a signed image: PCR8 and the signature hold by other means', () => {
        const said = build('signed.eif', '--signing-certificate', path('cert.pem'), '--private-key', path('key.pem'));
        const image = readImage(readFileSync(path('signed.eif')));
        const certificate = new X509Certificate(readFileSync(path('cert.pem')));
        assert.equal(said.Measurements.PCR8, pcr(certificate.raw));
        assert.equal(said.Measurements.PCR0, build('one.eif').Measurements.PCR0);
        const [{ signing_certificate: pem, signature }] = decodeCbor(image.part('signature')[0]);
        assert.deepEqual(Buffer.from(pem), readFileSync(path('cert.pem')));
        const [header, unprotected, payload, rs] = decodeCbor(Buffer.from(signature));
        assert.deepEqual([header.toString('hex'), unprotected], ['a1013822', {}]);
        const register = decodeCbor(payload);
        assert.equal(register.register_index, 0);
        assert.equal(Buffer.from(register.register_value).toString('hex'), said.Measurements.PCR0);
        const signed = encodeCbor(['Signature1', header, Buffer.alloc(0), payload]);
        assert.ok(verify('sha384', signed, { key: certificate.publicKey, dsaEncoding: 'ieee-p1363' }, rs));
        assert.equal(eif('verify', path('signed.eif'), '--signed', '--pcr8', said.Measurements.PCR8).status, 0);
        assert.ok(createPrivateKey(readFileSync(path('key.pem'))));
    });

    test('verify compares what it is given', () => {
        const { Measurements: m } = build('one.eif');
        assert.equal(eif('verify', path('one.eif'), '--pcr0', m.PCR0, '--pcr1', m.PCR1, '--pcr2', `0x${m.PCR2}`).status, 0);
        const wrong = eif('verify', path('one.eif'), '--pcr0', m.PCR2);
        assert.equal(wrong.status, 1);
        assert.match(wrong.stderr, new RegExp(`pcr0 of the image is ${m.PCR0}, expected ${m.PCR2}`));
        assert.equal(eif('verify', path('one.eif'), '--signed').stderr, 'oyster-eif: the image is not signed\n');
        assert.equal(eif('verify', path('one.eif'), '--pcr0', 'abcd').status, 2);
    });

    test('extract gives the parts back', () => {
        build('two.eif', '--ramdisk', path('ramdisk-1'));
        const done = eif('extract', path('two.eif'), '--directory', path('out'));
        assert.equal(done.status, 0, done.stderr);
        assert.deepEqual(readdirSync(path('out')).sort(), ['cmdline', 'kernel', 'metadata.json', 'ramdisk-0', 'ramdisk-1']);
        for (const name of ['kernel', 'ramdisk-0', 'ramdisk-1'])
            assert.deepEqual(readFileSync(join(dir, 'out', name)), readFileSync(path(name)));
    });

    test('bad files are refused, each with its reason', () => {
        build('good.eif', '--signing-certificate', path('cert.pem'), '--private-key', path('key.pem'));
        const good = readFileSync(path('good.eif'));
        const image = readImage(good);
        const [cmdline, metadata, , signature] = [1, 2, 3, 4].map((i) => Number(good.readBigUInt64BE(28 + 8 * i)));
        const change = (what) => {
            const bytes = Buffer.from(good);
            return fixCrc(what(bytes) ?? bytes);
        };
        const cases = [
            ['truncated: 0 bytes', Buffer.alloc(0)],
            ['truncated: 547 bytes', good.subarray(0, 547)],
            ['not an enclave image', change((b) => void b.write('.elf', 0))],
            ['version 3, expected 4', change((b) => void b.writeUInt16BE(3, 4))],
            ['33 sections, at most 32', change((b) => void b.writeUInt16BE(33, 26))],
            ['checksum: the header says', Buffer.from(good).fill(good[600] ^ 1, 600, 601)],
            ['truncated: section 4 (signature)', good.subarray(0, good.length - 1)],
            ['truncated: section 4 has no room', good.subarray(0, signature + 5)],
            ['1 bytes behind the last section', change((b) => Buffer.concat([b, Buffer.from([0])]))],
            ['the header says it is at byte 549, expected 548', change((b) => void b.writeBigUInt64BE(549n, 28))],
            ['bytes by its own header', change((b) => void b.writeBigUInt64BE(1n, 284))],
            ['unknown type 6', change((b) => void b.writeUInt16BE(6, 548))],
            ['unknown type 0', change((b) => void b.writeUInt16BE(0, 548))],
            ['no kernel section', change((b) => void b.writeUInt16BE(3, 548))],
            ['2 kernel sections', change((b) => void b.writeUInt16BE(1, cmdline))],
            ['2 cmdline sections', change((b) => void b.writeUInt16BE(2, metadata))],
            ['no cmdline section', change((b) => void b.writeUInt16BE(3, cmdline))],
            ['the command line holds a NUL', change((b) => void b.writeUInt8(0, cmdline + 14))],
            ['metadata: ', change((b) => void b.write('[', metadata + 12))],
            ['the PCR0 of another image', change((b) => void b.writeUInt8(b[600] ^ 1, 600))],
            ['signature section: ', change((b) => void b.writeUInt8(b[signature + 12] ^ 1, signature + 12))],
            ['does not fit the public key', change((b) => void b.writeUInt8(b.at(-1) ^ 1, b.length - 1))],
        ];
        assert.equal(image.sections.length, 5);
        for (const [reason, bytes] of cases) {
            const { status, stderr } = eif('verify', put('bad.eif', bytes));
            assert.equal(status, 1, `${reason}: ${stderr}`);
            assert.ok(stderr.includes(reason), `expected "${reason}", found: ${stderr}`);
            assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
        }
    });

    test('what cannot be built is refused in one line', () => {
        const refused = (reason, status, ...args) => {
            const done = eif('build', ...args);
            assert.equal(done.status, status, done.stderr);
            assert.ok(done.stderr.includes(reason), `expected "${reason}", found: ${done.stderr}`);
        };
        const base = ['--kernel', path('kernel'), '--ramdisk', path('ramdisk-0'), '--output', path('no.eif')];
        refused('--kernel FILE is missing', 2);
        refused('--ramdisk FILE is missing', 2, ...base.slice(0, 2), ...base.slice(4));
        refused('belong together', 2, ...base, '--private-key', path('key.pem'));
        refused('--arch riscv: expected x86_64 or aarch64', 2, ...base, '--arch', 'riscv');
        refused('--build-time tomorrow', 2, ...base, '--build-time', 'tomorrow');
        refused('No such file', 1, ...base, '--ramdisk', path('nothing'));
        refused('the kernel is empty', 1, ...base, '--kernel', put('empty', ''));
        refused('command line holds a NUL', 1, ...base, '--cmdline-file', put('nul', 'a\0b'));
        refused('cmdline', 1, ...base, '--cmdline-file', put('long', 'a'.repeat(4097)));
        refused('custom-metadata', 1, ...base, '--custom-metadata', path('kernel'));
        const sign = (cert, key) => ['--signing-certificate', path(cert), '--private-key', path(key)];
        refused('the private key is not that of', 1, ...base, ...sign('cert.pem', 'other.pem'));
        refused('curve P-384', 1, ...base, ...sign('p256-cert.pem', 'p256.pem'));
        refused('expected an X.509 certificate in PEM', 1, ...base, ...sign('key.pem', 'key.pem'));
        assert.ok(!readdirSync(dir).some((name) => name.startsWith('no.eif')));
    });
});
