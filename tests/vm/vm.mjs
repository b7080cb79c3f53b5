// Virtual machines under QEMU's software emulation: one that boots any initramfs, and one that takes commands over a
// serial port, to run tests inside. The network is shut: one address inside leads to one port of this machine, one port
// of this machine leads inside.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { ROOT } from '../../devnet/lib/paths.mjs';
import { Child, freePort, waitFor } from '../../devnet/lib/proc.mjs';
import { Tree } from '../../tools/enclave/cpio.mjs';
import { KERNEL_DIR, MODULES, addEtc, addLibraries, addModules, modulePath } from '../../tools/enclave/parts.mjs';

export const KERNEL = join(KERNEL_DIR, 'vmlinuz');
const QEMU = 'qemu-system-x86_64';
// Old enough to have no AVX, whose emulation makes everything half as slow again.
const CPU = 'Westmere,+rdrand,+fsgsbase';
// One processor: with several, QEMU 7.2 was seen to run an old breakpoint for ever where the kernel had rewritten its own
// code (a static key), and no interrupt came through any more.
const CPUS = 1;
const TRANSLATED_MIB = 1024; // room for translated code: QEMU 7.2 was seen to hang with the default when that was full
// For the kernel: the same addresses in every process, so that what was translated for one worker serves the next, which
// is a third of the work.
export const SAME_EVERYWHERE = 'mitigations=off norandmaps';
export const SLOWNESS = 20; // what the emulated processor needs as time, at most
export const OUTWARD = '10.0.2.100:8545'; // inside: leads to the port given as `outward`
const WORKERD = 'node_modules/@cloudflare/workerd-linux-64/bin/workerd';

// The path of a busybox that is linked to nothing.
export function busybox() {
    const found = ['/usr/bin/busybox', '/bin/busybox'].find(existsSync);
    if (!found) throw new Error('no busybox here: run tools/setup.sh vm');
    return found;
}

// Packs an initramfs: busybox, a first process that takes commands, a network card's modules, workerd, and what is
// given, each with its libraries. programs: files below build, that land in /app/<path>; files: paths in this tree, that
// land in /app/<path>; hostPrograms: of this machine, that stay where they are; more: {path inside: file}. Not compressed:
// to unpack it under software emulation would take longer than to load it.
export function packImage(image, { build, programs, files = [], hostPrograms = [], more = {} }) {
    const tree = new Tree();
    for (const folder of ['/sbin', '/dev', '/proc', '/sys', '/run', '/tmp', '/newroot', '/app']) tree.folder(folder);
    tree.copy('/bin/busybox', busybox(), 0o755);
    tree.copy('/init', join(ROOT, 'tests', 'vm', 'init'), 0o755);
    addModules(tree, MODULES.network.map(modulePath));
    addEtc(tree);
    for (const [path, name] of [[join(ROOT, WORKERD), WORKERD], ...programs.map((name) => [join(build, name), name])]) {
        tree.copy(`/app/${name}`, path, 0o755);
        addLibraries(tree, path);
    }
    for (const path of hostPrograms) {
        tree.copy(path, path, 0o755);
        addLibraries(tree, path);
    }
    for (const name of files) tree.copy(`/app/${name}`, join(ROOT, name));
    for (const [path, from] of Object.entries(more)) tree.copy(path, from);
    writeFileSync(image, tree.pack());
}

// A machine that boots a kernel and an initramfs; its console is its log. Its network is shut.
export class Machine {
    // dir: for the log. outward: port of 127.0.0.1 that OUTWARD leads to. inward: port inside that a free port of
    // 127.0.0.1, machine.port, leads to. devices: more arguments for QEMU.
    static async start({ dir, name = 'vm', kernel = KERNEL, initrd, append, memoryMb = 2048, outward, inward, devices = [] }) {
        if (!existsSync(kernel)) throw new Error(`${kernel} is missing: run tools/setup.sh vm`);
        const machine = new Machine();
        machine.port = await freePort();
        const net = ['user,id=n,restrict=on'];
        if (outward) net.push(`guestfwd=tcp:${OUTWARD}-cmd:busybox nc 127.0.0.1 ${outward}`);
        if (inward) net.push(`hostfwd=tcp:127.0.0.1:${machine.port}-:${inward}`);
        const args = [
            ...['-machine', 'q35', '-accel', `tcg,tb-size=${TRANSLATED_MIB}`, '-cpu', CPU, '-m', `${memoryMb}M`, '-smp', String(CPUS)],
            ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
            ...['-kernel', kernel, '-initrd', initrd, '-append', append],
            ...['-netdev', net.join(','), '-device', 'virtio-net-pci,netdev=n,romfile='],
            ...['-serial', 'stdio', ...devices],
        ];
        machine.child = new Child(name, QEMU, args, { logFile: join(dir, `${name}.log`) });
        return machine;
    }

    get running() {
        return this.child.running;
    }

    console() {
        return this.child.log();
    }

    async stop() {
        await this.child.stop('SIGKILL');
    }
}

// One that takes commands over a second serial port.
export class Vm {
    #next = 1;
    #waiting = new Map();

    // As Machine.start. image: of packImage. kernelArgs: more for the kernel's command line.
    static async start({ dir, image, kernelArgs = '', name = 'vm', ...rest }) {
        const vm = new Vm();
        vm.socketPath = join(dir, `${name}.sock`);
        const append = `console=ttyS0 quiet panic=-1 ${SAME_EVERYWHERE} ${kernelArgs}`;
        const devices = ['-serial', `unix:${vm.socketPath},server=on,wait=on`];
        vm.machine = await Machine.start({ dir, name, initrd: image, append, devices, ...rest });
        vm.port = vm.machine.port;
        try {
            await vm.#connect();
        } catch (e) {
            await vm.stop();
            throw e;
        }
        return vm;
    }

    async #connect() {
        const alive = () => {
            if (!this.machine.running) throw new Error(`${QEMU} ended at start: ${this.console()}`);
            return true;
        };
        await waitFor('QEMU to listen', () => alive() && existsSync(this.socketPath));
        this.socket = connect(this.socketPath);
        this.socket.on('error', () => {}); // the end of the line is told to those who wait, below
        this.socket.on('close', () => this.#closed());
        const ready = new Promise((resolve) => this.#waiting.set('ready', { resolve }));
        createInterface({ input: this.socket }).on('line', (line) => this.#answer(line));
        let booted = false;
        void ready.then(() => (booted = true));
        await waitFor('the virtual machine to boot', () => alive() && booted, { timeoutMs: 120_000 });
    }

    #answer(line) {
        const [id, status, text = ''] = line.trim().split(' ');
        const waiting = this.#waiting.get(id);
        this.#waiting.delete(id);
        waiting?.resolve({ status: Number(status), output: Buffer.from(text, 'base64').toString() });
    }

    #closed() {
        const error = new Error(`the virtual machine ended:\n${this.console()}`);
        for (const { reject } of this.#waiting.values()) reject?.(error);
        this.#waiting.clear();
    }

    // Runs a shell script inside, in /app, one after the other. Returns {status, output}, output with stderr.
    run(script) {
        const id = String(this.#next++);
        return new Promise((resolve, reject) => {
            this.#waiting.set(id, { resolve, reject });
            this.socket.write(`${id} ${Buffer.from(script).toString('base64')}\n`);
        });
    }

    // What a script prints; it must succeed.
    async get(script) {
        const { status, output } = await this.run(script);
        if (status !== 0) throw new Error(`${script}\nended with ${status} inside:\n${output}`);
        return output.trim();
    }

    async read(path) {
        return this.get(`cat ${path}`);
    }

    // Writes a file inside. content: text or bytes; short, a serial line carries it.
    async write(path, content, mode = '644') {
        const text = Buffer.from(content).toString('base64');
        await this.get(`mkdir -p "$(dirname ${path})" && echo ${text} | base64 -d >${path} && chmod ${mode} ${path}`);
    }

    console() {
        return this.machine.console();
    }

    async stop() {
        await this.machine.stop();
        this.socket?.destroy();
    }
}

// Tests of what runs in a machine: scenarios(look)(name, run). look() tells what is to be printed when one fails.
export const scenarios = (look) => (name, run) =>
    test(name, { timeout: 600_000 }, async (t) => {
        try {
            await run(t);
        } catch (e) {
            console.log(`--- inside\n${await look()}\n---`);
            throw e;
        }
    });

// [{name, ok}] of what a cmocka program, or one that prints like it, says.
export function resultsIn(output) {
    const found = new Map();
    for (const [, mark, name] of output.matchAll(/^\[ +(OK|FAILED|SKIPPED) +\] ([a-z][^\s(]*)/gm)) {
        if (!found.has(name)) found.set(name, mark);
    }
    return [...found].map(([name, mark]) => ({ name, ok: mark !== 'FAILED', skipped: mark === 'SKIPPED' }));
}

// Counts each of these results as a test of its own, below t.
export async function countEach(t, results) {
    for (const { name, ok, skipped } of results) await t.test(name, { skip: skipped }, () => assert.ok(ok));
}
