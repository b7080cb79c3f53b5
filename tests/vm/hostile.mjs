// The hostile jobs inside the enclave's image: the runner and the scripts are laid over it when it boots, and run by its
// own init on its own workerd, in the place of the node.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../devnet/lib/paths.mjs';
import { Tree } from '../../tools/enclave/cpio.mjs';
import { addLibraries } from '../../tools/enclave/parts.mjs';
import { TABLE } from './enclave_node.mjs';
import { SLOWNESS, busybox } from './vm.mjs';

const FOLDER = join(ROOT, 'tests', 'hostile');
const AT_ONCE = 4; // more than the machine has processors, as some wait
const RUNTIME = '/node_modules/@cloudflare/workerd-linux-64/bin'; // where the runner looks
export const SCRIPTS = readdirSync(FOLDER).filter((name) => name.endsWith('.js')).sort();

export function hostileOver() {
    const runner = join(process.env.OYSTER_BUILD, 'tests', 'hostile', 'hostile_test');
    const over = new Tree().copy('/bin/hostile_test', runner, 0o755).copy('/bin/busybox', busybox(), 0o755);
    addLibraries(over, runner);
    over.link(RUNTIME, '/opt/workerd');
    for (const name of SCRIPTS) over.copy(`/hostile/${name}`, join(FOLDER, name));
    const run = `/bin/busybox env OYSTER_TEST_SLOWNESS=${SLOWNESS} /bin/hostile_test -j ${AT_ONCE} /hostile`;
    return over.file(TABLE, `once hostile ${run}\nonce left /bin/busybox ls /sys/fs/cgroup\n`);
}
