// What images are put together from: kernel modules, programs with the libraries that they are linked to, the CA bundle
// of the distribution, the few files of /etc that the C library reads.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ROOT } from '../../devnet/lib/paths.mjs';

export const KERNEL_DIR = join(ROOT, '.vm', 'kernel'); // as tools/setup.sh enclave unpacks it
const CERTIFICATES = '/usr/share/ca-certificates/mozilla'; // the package's own; /etc may have gained others
export const CA_BUNDLE = '/etc/ssl/certs/ca-certificates.crt';

// Modules of Debian's cloud kernel, each behind those that it needs.
export const MODULES = {
    vsock: ['drivers/virtio/virtio_ring', 'drivers/virtio/virtio', 'drivers/virtio/virtio_mmio',
        'drivers/char/hw_random/virtio-rng', 'net/vmw_vsock/vsock', 'net/vmw_vsock/vmw_vsock_virtio_transport_common',
        'net/vmw_vsock/vmw_vsock_virtio_transport'],
    network: ['drivers/virtio/virtio_ring', 'drivers/virtio/virtio', 'net/core/failover', 'drivers/net/net_failover',
        'drivers/virtio/virtio_pci_modern_dev', 'drivers/virtio/virtio_pci_legacy_dev', 'drivers/virtio/virtio_pci',
        'drivers/net/virtio_net'],
};

export const modulePath = (name) => join(KERNEL_DIR, 'modules', `${name}.ko`);

// Runs a program with an environment that says nothing of this machine or user; returns what it prints.
export function run(program, args, options = {}) {
    const env = { PATH: process.env.PATH, HOME: '/', LC_ALL: 'C', TZ: 'UTC', ...options.env };
    const done = spawnSync(program, args, { maxBuffer: 1 << 30, ...options, env });
    if (done.error) throw new Error(`${program}: ${done.error.message}`);
    if (done.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${done.stderr}${done.stdout}`);
    return done.stdout;
}

// files: paths of .ko files, in the order in which they are to be loaded.
export function addModules(tree, files) {
    files.forEach((file, i) => tree.copy(`/lib/modules/${String(i).padStart(2, '0')}-${basename(file)}`, file));
}

// Paths of the libraries of a program, its loader included, where they are on this machine.
export function librariesOf(program) {
    const text = run('ldd', [program]).toString();
    const missing = text.match(/^\s*(\S+) => not found/m);
    if (missing) throw new Error(`${program} needs the library ${missing[1]}, which is not here`);
    return [...text.matchAll(/(?:=> |^\t)(\/\S+) \(0x/gm)].map((match) => match[1]);
}

export function addLibraries(tree, program) {
    if (readFileSync(program).subarray(0, 4).toString('latin1') !== '\x7fELF') return;
    if (!run('readelf', ['-lW', program]).includes('INTERP')) return; // static
    for (const path of librariesOf(program)) if (!tree.has(path)) tree.copy(path, path, 0o755);
}

// The certificates that Debian's package ships, in the order of their names.
export function caBundle() {
    if (!existsSync(CERTIFICATES)) throw new Error(`${CERTIFICATES} is missing: run tools/setup.sh enclave`);
    const names = readdirSync(CERTIFICATES).filter((name) => name.endsWith('.crt'));
    names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    return Buffer.concat(names.map((name) => readFileSync(join(CERTIFICATES, name))));
}

// resolver: address of a name server, which is asked over TCP; none: no names.
export function addEtc(tree, resolver) {
    tree.file(CA_BUNDLE, caBundle());
    tree.file('/etc/passwd', 'root:x:0:0::/:/bin/false\n');
    tree.file('/etc/group', 'root:x:0:\n');
    tree.file('/etc/hosts', '127.0.0.1 localhost\n');
    tree.file('/etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n');
    tree.file('/etc/resolv.conf', resolver ? `nameserver ${resolver}\noptions use-vc\n` : '');
}
