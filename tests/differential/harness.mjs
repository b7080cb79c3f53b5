// Asks the program under test and another implementation the same seeded random questions and compares the answers.
//   node tests/run.mjs --suites differential, or node --test tests/differential/*.test.mjs, with:
//   SEED=<number>       repeats a run (a failure prints its seed)
//   CASES=<number>      cases of each kind, default 10000
//   OYSTER_BUILD=<dir>  the build folder that holds tests/differential/eth_cli, default build
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { keccak256 } from 'ethers';
import { Random } from './random.mjs';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
const cli = path.resolve(root, process.env.OYSTER_BUILD ?? 'build', 'tests/differential/eth_cli');
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32));
const cases = Number(process.env.CASES ?? 10000);

// Answers of the program under test, one for each question.
export async function ask(questions) {
  const child = spawn(cli, { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  child.stdin.on('error', () => {}); // a program that ended early shows in its status
  child.stdin.end(questions.join('\n') + '\n');
  let text = '';
  for await (const chunk of child.stdout) text += chunk;
  assert.equal(await closed, 0, `eth_cli failed, SEED=${seed}`);
  return text.trimEnd().split('\n');
}

// A test of that many cases, at most `most`. make(random) gives [question, expected answer].
export function compare(kind, make, most = Infinity) {
  test(`${kind}, SEED=${seed}`, async () => {
    const random = new Random(seed ^ Number(BigInt(keccak256(new TextEncoder().encode(kind))) & 0xffffffffn));
    const made = Array.from({ length: Math.min(cases, most) }, () => make(random));
    const found = await ask(made.map(([question]) => question));
    assert.equal(found.length, made.length);
    made.forEach(([question, expected], i) => {
      if (found[i] !== expected)
        assert.fail(
          `SEED=${seed} case ${i}\n  question: ${question}\n  expected: ${expected}\n  found:    ${found[i]}`);
    });
  });
}

// What fn gives, or "error" where it throws.
export function attempt(fn) {
  try {
    return fn();
  } catch {
    return 'error';
  }
}
