/**
 * `npm run check`: every `check:*` script of package.json, all of them even when one fails, in the order they stand
 * there (the longest first, so that they end together). `npm run check -- lint types` runs only those.
 */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

interface Outcome {
  readonly name: string;
  readonly passed: boolean;
  readonly output: string;
}

const root = join(import.meta.dirname, '..');
const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

async function checkNames(): Promise<string[]> {
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  return Object.keys(scripts).flatMap((name) => (name.startsWith('check:') ? [name.slice('check:'.length)] : []));
}

async function run(name: string): Promise<Outcome> {
  const began = performance.now();
  const child = spawn('npm', ['run', '--silent', `check:${name}`], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const passed = await new Promise<boolean>((resolve, reject) => {
    child.once('error', reject).once('close', (code) => {
      resolve(code === 0);
    });
  });
  console.log(`${passed ? 'ok  ' : 'FAIL'}  ${name.padEnd(9)}  ${seconds(began)}`);
  return { name, passed, output };
}

async function runAll(names: readonly string[]): Promise<Outcome[]> {
  const waiting = [...names];
  const outcomes: Outcome[] = [];
  const lane = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) outcomes.push(await run(next));
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, lane));
  return outcomes;
}

const began = performance.now();
const all = await checkNames();
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`no such check: ${unknown.join(', ')}; there are ${all.join(', ')}`);
  process.exit(1);
}

const outcomes = await runAll(asked.length === 0 ? all : asked);
const failed = outcomes.filter(({ passed }) => !passed);
for (const { name, output } of failed) console.log(`\n--- ${name} ---\n${output.trim()}`);
console.log(`\n${failed.length === 0 ? 'all passed' : `${failed.length} failed`} in ${seconds(began)}`);
process.exitCode = failed.length === 0 ? 0 : 1;
