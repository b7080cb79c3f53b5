// Builds the enclave's image: `make enclave CONFIG=file`. Prints what each part takes, its SHA-256, and what an enclave
// of it will measure.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../../devnet/lib/paths.mjs';
import { COMPRESSOR_NAMES, makeImage, sizeLines } from './image.mjs';

const HELP = `Usage: node tools/enclave/build.mjs --config FILE [options]
  --config FILE     the node's config, without the paths that the image decides
  --table FILE      what init sets up and runs (deploy/enclave/init.conf)
  --kernel FILE     a bzImage (Debian's cloud kernel)
  --modules LIST    kernel modules to load, in order: paths of .ko files, or vsock, network for those of Debian's kernel
                    (vsock with Debian's kernel, none with another)
  --cmdline TEXT    the kernel's command line
  --compress NAME   of the ramdisks: zstd, gzip or none (zstd)
  --resolver IPV4   a name server, asked over TCP (1.1.1.1)
  --out FOLDER      build/enclave`;

const OPTIONS = ['config', 'table', 'kernel', 'modules', 'cmdline', 'compress', 'resolver', 'out'];

function options() {
    const known = { help: { type: 'boolean', short: 'h' } };
    for (const name of OPTIONS) known[name] = { type: 'string' };
    const { values } = parseArgs({ options: known });
    for (const name of OPTIONS) if (values[name] === '') delete values[name]; // as make gives what is not set
    if (values.help) {
        console.log(HELP);
        process.exit(0);
    }
    if (!values.config) throw new Error('no config: make enclave CONFIG=FILE, the file as docs/configuration.md says');
    if (values.compress && !COMPRESSOR_NAMES.includes(values.compress)) {
        throw new Error(`--compress: found ${values.compress}, expected ${COMPRESSOR_NAMES.join(', ')}`);
    }
    if (values.resolver && !isIPv4(values.resolver)) {
        throw new Error(`--resolver: found ${values.resolver}, expected an IPv4 address`);
    }
    const table = values.table ?? join(ROOT, 'deploy', 'enclave', 'init.conf');
    const modules = (values.modules ?? (values.kernel ? '' : 'vsock')).split(',').filter(Boolean);
    return { ...values, table, modules, out: resolve(values.out ?? join(ROOT, 'build', 'enclave')) };
}

const sha256 = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');

try {
    const image = makeImage(options());
    for (const line of sizeLines(image)) console.log(line);
    for (const [name, path] of Object.entries(image.files)) console.log(`${sha256(path)}  ${name}`);
    console.log(`${sha256(image.eif)}  ${image.eif}`);
    console.log(image.measured);
} catch (e) {
    console.error(`enclave: ${e.message}`);
    process.exit(1);
}
