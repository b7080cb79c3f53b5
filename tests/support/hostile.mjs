// The files of tests/hostile as jobs; hostile_test.c says how they are written.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../devnet/lib/paths.mjs';

const FOLDER = join(ROOT, 'tests', 'hostile');
const ESCAPES = { n: '\n', r: '\r' };

// key=value words, values bare or in quotes.
function readWords(line) {
    const words = {};
    for (const [, key, quoted, bare] of line.matchAll(/(\w+)=(?:"((?:\\.|[^"\\])*)"|(\S*))/g))
        words[key] = quoted?.replace(/\\(.)/g, (_, c) => ESCAPES[c] ?? c) ?? bare;
    return words;
}

// What is sent: the file without its leading comment lines, byte for byte.
function codeOf(bytes, words) {
    let at = 0;
    while (bytes.subarray(at, at + 2).toString('latin1') === '//') {
        const end = bytes.indexOf(10, at);
        at = end < 0 ? bytes.length : end + 1;
    }
    let code = bytes.subarray(at).toString('latin1');
    if (words.crlf) code = code.replaceAll('\n', '\r\n');
    if (words.pad) code += `/*${'*'.repeat(words.pad)}*/`;
    return Buffer.from(code, 'latin1');
}

function readJob(name) {
    const bytes = readFileSync(join(FOLDER, name));
    const words = readWords(bytes.toString('latin1').split('\n', 1)[0]);
    return {
        name,
        code: codeOf(bytes, words),
        inputs: words.inputs_size ? Buffer.alloc(Number(words.inputs_size), 'x') : Buffer.from(words.inputs ?? '', 'latin1'),
        deadline: Number(words.deadline ?? 10_000),
        errorCode: Number(words.code),
        deterministic: words.deterministic !== '0',
    };
}

// [{name, code, inputs (Buffers), deadline (ms), errorCode, deterministic}]
export const hostileJobs = () =>
    readdirSync(FOLDER).filter((name) => name.endsWith('.js')).sort().map(readJob);
