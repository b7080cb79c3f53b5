// Child processes that never outlive us: killed when we end, however we end.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';

const children = new Set();
let hooked = false;

// The kernel kills the child when we are killed ourselves and can do nothing any more.
const SETPRIV = ['setpriv', '--pdeathsig', 'KILL'];
const dieWithUs = spawnSync(SETPRIV[0], [...SETPRIV.slice(1), 'true']).status === 0 ? SETPRIV : [];

function killAll() {
    for (const child of children) child.process.kill('SIGKILL');
}

function hookOnce() {
    if (hooked) return;
    hooked = true;
    process.on('exit', killAll);
    for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]]) {
        process.once(signal, () => {
            if (process.listenerCount(signal) === 0) process.exit(code);
        });
    }
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Calls probe until it returns something truthy, and returns that; fails after timeoutMs, naming what.
export async function waitFor(what, probe, { timeoutMs = 30_000, everyMs = 25 } = {}) {
    const end = Date.now() + timeoutMs;
    for (;;) {
        const value = await probe();
        if (value) return value;
        if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
        await sleep(everyMs);
    }
}

export async function freePort() {
    const server = createServer();
    await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
    const { port } = server.address();
    await new Promise((resolve) => server.close(resolve));
    return port;
}

// A running program whose stdout and stderr go to a log file.
export class Child {
    #exited;

    constructor(name, command, args, { logFile, append = false, env, cwd } = {}) {
        hookOnce();
        this.name = name;
        this.logFile = logFile;
        const log = openSync(logFile, append ? 'a' : 'w');
        const [program, ...rest] = [...dieWithUs, command, ...args];
        // detached: Ctrl-C in a terminal reaches us alone, and we end our children in order.
        const stdio = ['ignore', log, log];
        this.process = spawn(program, rest, { stdio, detached: true, env: env ?? process.env, cwd });
        this.process.unref(); // killed at our end, which does not wait for it
        closeSync(log);
        children.add(this);
        this.#exited = new Promise((resolve) => {
            this.process.once('exit', (code, signal) => resolve(this.#ended({ code, signal })));
            this.process.once('error', (error) => resolve(this.#ended({ code: null, signal: null, error })));
        });
    }

    // Resolves with {code, signal}; we stay up for it.
    get exited() {
        this.process.ref();
        return this.#exited;
    }

    #ended(how) {
        children.delete(this);
        this.end = how;
        return how;
    }

    get pid() {
        return this.process.pid;
    }

    get running() {
        return this.end === undefined;
    }

    log() {
        return readFileSync(this.logFile, 'utf8');
    }

    // Sends a signal and waits for the end, by SIGKILL where it does not come in time. Returns {code, signal}.
    async stop(signal = 'SIGTERM', timeoutMs = 15_000) {
        if (this.running) this.process.kill(signal);
        const timer = setTimeout(() => this.process.kill('SIGKILL'), timeoutMs);
        const how = await this.exited;
        clearTimeout(timer);
        return how;
    }
}
