// A shell in which the commands of one document are typed, one block after the other.
import { spawn } from 'node:child_process';

export class Session {
    #printed = ''; // to stdout
    #told = ''; // to stderr
    #waiting = null;

    // env: the whole environment; cwd: where the reader stands; offline: without a way to any network.
    constructor({ env, cwd, offline = false }) {
        // setpriv: the shell and what it started in the background end with us
        const shut = offline ? ['unshare', '--net'] : [];
        const args = [...shut, 'setpriv', '--pdeathsig', 'KILL', 'bash', '--norc', '--noprofile', '-s'];
        this.process = spawn(args[0], args.slice(1), { env, cwd, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
        this.process.stdout.setEncoding('utf8').on('data', (text) => this.#settle((this.#printed += text)));
        this.process.stderr.setEncoding('utf8').on('data', (text) => (this.#told += text));
        this.process.stdin.on('error', () => {}); // told by the end of the process
        this.ended = new Promise((resolve) => this.process.once('close', (code) => resolve(this.#end(code))));
    }

    #settle(printed) {
        const done = this.#waiting && printed.match(new RegExp(`\\n?${this.#waiting.mark} (\\d+)\\n`));
        if (done) this.#resolve(Number(done[1]), printed.slice(0, done.index));
    }

    #resolve(status, printed) {
        this.#waiting?.resolve({ status, printed, told: this.#told });
        this.#waiting = null;
        this.#printed = this.#told = '';
    }

    #end(code) {
        this.#resolve(code ?? 1, this.#printed);
    }

    // Types a block. Resolves with {status, printed (stdout), told (stderr)} when it is through. It ends at its first
    // command that fails; the shell stays, with the block's variables and background jobs.
    run(code) {
        const mark = `done-${Math.random().toString(36).slice(2)}`;
        const script = Buffer.from(`set -e\n${code}`).toString('base64');
        return new Promise((resolve) => {
            this.#waiting = { mark, resolve };
            // eval, not a subshell; "|| true" would switch -e off, so the trap tells the end of the shell
            this.process.stdin.write(
                `trap 'echo "${mark} $?"' EXIT; eval "$(echo ${script} | base64 -d)" </dev/null; ` +
                    `trap - EXIT; set +e; echo; echo "${mark} 0"\n`,
            );
        });
    }

    // Ends the shell and everything that it started.
    async stop() {
        this.process.stdin.end();
        try {
            process.kill(-this.process.pid, 'SIGTERM');
        } catch {
            // nobody is left
        }
        const timer = setTimeout(() => process.kill(-this.process.pid, 'SIGKILL'), 40_000);
        await this.ended;
        clearTimeout(timer);
    }
}
