// The enclave's image: what is in its two ramdisks, and how they are made from a config, a table of programs and a
// build. The first boots (init, kernel modules; PCR1 with the kernel), the second works (node, workerd, libraries,
// certificates, config; PCR2). Nothing in them tells where, when or by whom they were made.
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { ROOT, workerdDir } from '../../devnet/lib/paths.mjs';
import { Tree, padding } from './cpio.mjs';
import { KERNEL_DIR, MODULES, addEtc, addLibraries, addModules, modulePath, run } from './parts.mjs';

const DEFAULT_KERNEL = join(KERNEL_DIR, 'vmlinuz');
// panic=-1: a kernel that cannot go on ends the enclave at once.
const CMDLINE = 'console=ttyS0 quiet panic=-1 reboot=k random.trust_cpu=on';
const DEFAULTS = { kernel: DEFAULT_KERNEL, cmdline: CMDLINE, compress: 'zstd', resolver: '1.1.1.1' };
const FOLDERS = ['/dev', '/mnt', '/proc', '/run', '/sys', '/tmp', '/var']; // what init mounts on
const WORKERD = '/opt/workerd';
const NODE = 'oyster-serverless-executor';
const TOOLS = [NODE, 'oyster-init', 'oyster-eif']; // needed whatever the table says
// Keys of the node's config that are the image's own affair.
const FIXED = {
    workerd_runtime_path: WORKERD,
    enclave_signer_file: '/run/oyster/enclave.key',
    state_dir: '/run/oyster/state',
    ledger_file: '/run/oyster/ledger.db',
};

// 20 workers of 100 MiB, the image itself unpacked (135 MiB), the node and the gateway.
const MEMORY_MIB = 3072;

const COMPRESSORS = {
    zstd: (data) => run('zstd', ['-q', '-12', '--single-thread', '-c'], { input: data }),
    gzip: (data) => run('gzip', ['-9', '-n', '-c'], { input: data }), // for kernels older than 5.9
    none: (data) => data,
};
export const COMPRESSOR_NAMES = Object.keys(COMPRESSORS);

// Builds the programs of these names that the tree has in a folder of their own, with no path of this tree in them.
// Returns {name: path}.
export function buildPrograms(names) {
    const dir = join(ROOT, 'build', 'enclave', 'obj'); // always here: relative paths to the sources are the same
    if (!existsSync(join(dir, 'build.ninja'))) {
        const flags = `-Dc_args=-ffile-prefix-map=${ROOT}=.`;
        run('meson', ['setup', '--buildtype=release', '-Dtests=false', flags, dir, ROOT], { cwd: ROOT });
    }
    run('ninja', ['-C', dir, 'build.ninja']); // what is built may have changed since
    const targets = JSON.parse(run('meson', ['introspect', '--targets', dir]));
    const programs = targets.filter((t) => t.type === 'executable' && names.includes(t.name));
    run('ninja', ['-C', dir, ...programs.map((t) => t.filename[0].slice(dir.length + 1))]);
    return Object.fromEntries(programs.map((t) => [t.name, t.filename[0]]));
}

// The programs that a table names, each as /bin/NAME.
export function programsOf(table, text) {
    const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
    const paths = lines.filter(([word]) => word === 'once' || word === 'keep').map(([, , path]) => path ?? '');
    const strange = paths.find((path) => !/^\/bin\/[\w.-]+$/.test(path));
    if (strange !== undefined) throw new Error(`${table}: found program "${strange}", expected /bin/NAME`);
    return [...new Set(paths.map((path) => basename(path)))];
}

// The node's config as it is in the image; the node itself says whether it is right.
function nodeConfig(file, scratch, node) {
    let given;
    try {
        given = JSON.parse(readFileSync(file, 'utf8'));
    } catch (e) {
        throw new Error(`${file}: ${e.message}, expected the node's config as JSON`);
    }
    for (const [key, value] of Object.entries(FIXED)) {
        if (key in given && given[key] !== value) {
            throw new Error(`${file}: key ${key}: the image decides it (${value}), leave it out`);
        }
    }
    const [key, copy] = [join(scratch, 'check.key'), join(scratch, 'check.json')];
    writeFileSync(key, Buffer.alloc(32, 1), { mode: 0o600 });
    const here = { workerd_runtime_path: workerdDir(), enclave_signer_file: key };
    writeFileSync(copy, JSON.stringify({ ...given, ...FIXED, ...here }));
    try {
        run(node, ['--check-config', '--config-file', copy]);
    } catch (e) {
        throw new Error(`${file}: ${e.message.split('\n')[0].replaceAll(copy, file)}`);
    }
    return `${JSON.stringify({ ...given, ...FIXED }, null, 4)}\n`;
}

function addProgram(tree, scratch, path, from) {
    const stripped = join(scratch, basename(path));
    run('strip', ['-o', stripped, from]);
    tree.copy(path, stripped, 0o755);
    addLibraries(tree, from);
    rmSync(stripped);
}

function bootTree(scratch, programs, modules) {
    const tree = new Tree();
    for (const folder of FOLDERS) tree.folder(folder);
    addProgram(tree, scratch, '/init', programs['oyster-init']);
    addModules(tree, modules);
    return tree;
}

function workTree(scratch, programs, { config, table, text, resolver }) {
    const tree = new Tree();
    for (const name of programsOf(table, text)) {
        if (!programs[name]) throw new Error(`${table}: /bin/${name} is no program of this tree`);
        addProgram(tree, scratch, `/bin/${name}`, programs[name]);
    }
    addProgram(tree, scratch, `${WORKERD}/workerd`, join(workerdDir(), 'workerd'));
    addEtc(tree, resolver);
    tree.file('/etc/oyster/init.conf', text);
    tree.file('/etc/oyster/config.json', nodeConfig(config, scratch, programs[NODE]));
    return tree;
}

// Names of module sets, or paths of .ko files → paths.
function moduleFiles(names) {
    const files = names.flatMap((name) => MODULES[name]?.map(modulePath) ?? [resolve(name)]);
    const missing = files.find((file) => !existsSync(file));
    if (missing) throw new Error(`module ${missing} is missing: run tools/setup.sh enclave, or name your kernel's own`);
    return [...new Set(files)];
}

// The kernel sees one ramdisk right behind the other and takes an archive that is not compressed at a multiple of four.
function ramdisk(tree, compress) {
    const packed = COMPRESSORS[compress](tree.pack());
    return Buffer.concat([packed, padding(packed.length)]);
}

// Puts the parts into one file and returns what is to be said of it: its measurements.
function makeEif(eif, tool, files) {
    const parts = ['--kernel', files.kernel, '--cmdline-file', files.cmdline];
    const ramdisks = ['--ramdisk', files.ramdisk1, '--ramdisk', files.ramdisk2];
    const needs = ['--memory', String(MEMORY_MIB), '--cpus', '2'];
    return run(tool, ['build', ...parts, ...ramdisks, ...needs, '--output', eif]).toString().trim();
}

// Makes kernel, cmdline, ramdisk1, ramdisk2 and, of them, oyster.eif in the folder out. modules: see moduleFiles; the other
// options as tools/enclave/build.mjs has them. Returns {trees, programs, files: {name: path}, eif, measured}.
export function makeImage(options) {
    const { out, config, table, modules, kernel, cmdline, compress, resolver } = { ...DEFAULTS, ...options };
    const scratch = join(out, 'scratch');
    rmSync(scratch, { recursive: true, force: true });
    mkdirSync(scratch, { recursive: true });
    if (!existsSync(kernel)) throw new Error(`kernel ${kernel} is missing: run tools/setup.sh enclave, or name another`);
    const text = readFileSync(table, 'utf8');
    const programs = buildPrograms([...programsOf(table, text), ...TOOLS]);
    const trees = {
        ramdisk1: bootTree(scratch, programs, moduleFiles(modules)),
        ramdisk2: workTree(scratch, programs, { config, table, text, resolver }),
    };
    const contents = { kernel: readFileSync(kernel), cmdline };
    for (const [name, tree] of Object.entries(trees)) contents[name] = ramdisk(tree, compress);
    const files = {};
    for (const [name, content] of Object.entries(contents)) {
        files[name] = join(out, name);
        writeFileSync(files[name], content);
    }
    rmSync(scratch, { recursive: true });
    const eif = join(out, 'oyster.eif');
    return { trees, programs, files, eif, measured: makeEif(eif, programs['oyster-eif'], files) };
}

// Lines that say what each part takes: files as they are, and parts as they are shipped.
export function sizeLines({ trees, files }) {
    const mib = (bytes) => `${(bytes / (1 << 20)).toFixed(2).padStart(8)} MiB`;
    const groups = [[/^\/lib\/modules\//, 'kernel modules'], [/^\/lib(64)?\//, 'libraries'], [/^\/etc\/(?!ssl)/, '/etc']];
    const group = (path) => groups.find(([pattern]) => pattern.test(path))?.[1] ?? path;
    const lines = ['unpacked, by part:'];
    for (const tree of Object.values(trees)) {
        const sums = new Map();
        for (const [path, data] of tree.files()) sums.set(group(path), (sums.get(group(path)) ?? 0) + data.length);
        for (const [name, bytes] of [...sums].sort((a, b) => b[1] - a[1])) lines.push(`${mib(bytes)}  ${name}`);
    }
    lines.push('as shipped:');
    const sizes = Object.entries(files).map(([name, path]) => [name, statSync(path).size]);
    for (const [name, bytes] of sizes) lines.push(`${mib(bytes)}  ${name}`);
    lines.push(`${mib(sizes.reduce((sum, [, bytes]) => sum + bytes, 0))}  together`);
    return lines;
}
