// The command line of the devnet's programs: --help, and one line on stderr for what is wrong with it (exit code 2).
import { parseArgs } from 'node:util';

export function refuse(program, message) {
    console.error(`${program}: ${message} (see --help)`);
    process.exit(2);
}

// As parseArgs: {values, positionals}. usage: what --help prints.
export function readArgs(program, usage, options, allowPositionals = false) {
    let read;
    try {
        read = parseArgs({ allowPositionals, options: { ...options, help: { type: 'boolean', short: 'h' } } });
    } catch (e) {
        refuse(program, e.message.split('. ')[0]);
    }
    if (read.values.help) {
        console.log(usage);
        process.exit(0);
    }
    return read;
}

// values[name] as a whole number.
export function wholeNumber(program, values, name, min, max) {
    const number = Number(values[name]);
    if (/^\d+$/.test(values[name]) && number >= min && number <= max) return number;
    return refuse(program, `--${name}: found "${values[name]}", expected a whole number from ${min} to ${max}`);
}

// Ends the program where no chain answers at url.
export async function needChain(program, url) {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] });
    const asked = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
    const answer = await fetch(url, asked).catch(() => null);
    if (!answer?.ok) refuse(program, `--rpc: no chain answers at ${url}`);
}

// One line about a failure of the work itself; the exit code is 1.
export function tellFailure(program, e) {
    console.error(`${program}: ${e.shortMessage ?? e.message}`);
    process.exitCode = 1;
}
