// A virtual machine under QEMU's software emulation: Debian's kernel, the initramfs of image.sh, commands over a serial
// port. Its network is shut: one address inside leads to one port of this machine, one port of this machine leads
// inside.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT } from '../../devnet/lib/paths.mjs';
import { Child, freePort, waitFor } from '../../devnet/lib/proc.mjs';

const KERNEL = join(ROOT, '.vm', 'kernel', 'vmlinuz');
const QEMU = 'qemu-system-x86_64';
// Old enough to have no AVX, whose emulation makes everything half as slow again.
const CPU = 'Westmere,+rdrand,+fsgsbase';
export const OUTWARD = '10.0.2.100:8545'; // inside: leads to the port given as `outward`

// Packs an initramfs. programs: files below build; files: paths in this tree; hostPrograms: programs of this machine.
export function packImage(image, { build, programs, files = [], hostPrograms = [] }) {
    const args = [image, build, ...programs.map((name) => join(build, name)), '--', ...files];
    const env = { ...process.env, VM_HOST_PROGRAMS: hostPrograms.join(' ') };
    const run = spawnSync(join(ROOT, 'tests', 'vm', 'image.sh'), args, { encoding: 'utf8', env });
    if (run.status !== 0) throw new Error(`image.sh: ${run.stderr}`);
}

export class Vm {
    #next = 1;
    #waiting = new Map();

    // dir: for sockets and logs. outward: port of 127.0.0.1 that OUTWARD leads to. inward: port inside that a free port
    // of 127.0.0.1, vm.port, leads to. kernelArgs: more for the kernel's command line.
    static async start({ dir, image, memoryMb = 2048, cpus = 2, outward, inward, kernelArgs = '', name = 'vm' }) {
        if (!existsSync(KERNEL)) throw new Error(`${KERNEL} is missing: run tools/setup.sh vm`);
        const vm = new Vm();
        vm.socketPath = join(dir, `${name}.sock`);
        vm.port = await freePort();
        const net = ['user,id=n,restrict=on'];
        if (outward) net.push(`guestfwd=tcp:${OUTWARD}-cmd:busybox nc 127.0.0.1 ${outward}`);
        if (inward) net.push(`hostfwd=tcp:127.0.0.1:${vm.port}-:${inward}`);
        const append = `console=ttyS0 quiet panic=-1 mitigations=off ${kernelArgs}`;
        const args = [
            ...['-machine', 'q35,accel=tcg', '-cpu', CPU, '-m', `${memoryMb}M`, '-smp', String(cpus)],
            ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
            ...['-kernel', KERNEL, '-initrd', image, '-append', append],
            ...['-netdev', net.join(','), '-device', 'virtio-net-pci,netdev=n,romfile='],
            ...['-serial', 'stdio', '-serial', `unix:${vm.socketPath},server=on,wait=on`],
        ];
        vm.child = new Child(name, QEMU, args, { logFile: join(dir, `${name}.log`) });
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
            if (!this.child.running) throw new Error(`${QEMU} ended at start: ${this.child.log()}`);
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
        return this.child.log();
    }

    async stop() {
        await this.child.stop('SIGKILL');
        this.socket?.destroy();
    }
}
