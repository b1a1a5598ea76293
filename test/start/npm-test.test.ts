import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { identityOf } from '../../scripts/servers/identity.mjs';
import { until } from '../helper/until.js';

const root = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'npm-test-'));
// Its servers' data goes here, so that what it leaves can be seen, and nobody else's is swept.
const temporary = join(folder, 'tmp');
const START_MS = 180_000;
mkdirSync(temporary);
after(() => {
  rmSync(folder, { recursive: true });
});

function testFile(name: string, body: string): string {
  const file = join(folder, name);
  writeFileSync(file, `import { test } from 'node:test';\ntest('the test', async () => {\n${body}\n});\n`);
  return file;
}

function npmTest(files: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn('npm', ['test', '--silent', '--', ...files], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    // Node marks the processes of a test run, and one that is marked runs no tests of its own.
    env: {
      ...process.env,
      NODE_TEST_CONTEXT: undefined,
      MONGODB_URL: '',
      TEMPORAL_ADDRESS: '',
      TMPDIR: temporary,
      ...env,
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) =>
    child.once('close', (code, signal) => {
      resolve(code ?? signal);
    }),
  );
  return { child, ended, output: () => output };
}

/** The servers of the run that this test is part of. */
function given() {
  const { MONGODB_URL, TEMPORAL_ADDRESS } = process.env;
  if (MONGODB_URL === undefined || TEMPORAL_ADDRESS === undefined) assert.fail('run me with npm test');
  return { MONGODB_URL, TEMPORAL_ADDRESS };
}

/** The servers of a run that is under way. */
function servers(): readonly { readonly name: string; readonly pid: number }[] {
  return readdirSync(temporary)
    .filter((name) => name.startsWith('experience-temporary-'))
    .flatMap(
      (name) => JSON.parse(readFileSync(join(temporary, name, 'processes.json'), 'utf8')) as ReturnType<typeof servers>,
    );
}

/** The body of a test that waits until the file is there. */
const waitsFor = (path: string): string => `
  const { existsSync } = await import('node:fs');
  while (!existsSync(${JSON.stringify(path)})) await new Promise((resolve) => setTimeout(resolve, 50));
`;

const leftovers = () => readdirSync(temporary).filter((name) => name.startsWith('experience-temporary-'));

describe('npm test', () => {
  test('gives the tests servers of their own, ends well when they pass, and leaves nothing', async () => {
    const seen = join(folder, 'seen.json');
    const file = testFile(
      'passes.test.mjs',
      `const { writeFileSync } = await import('node:fs');
       const { MONGODB_URL, TEMPORAL_ADDRESS, WORKFLOW_BUNDLE, EXPERIENCE_TEST } = process.env;
       writeFileSync(${JSON.stringify(seen)}, JSON.stringify({ MONGODB_URL, TEMPORAL_ADDRESS, WORKFLOW_BUNDLE, EXPERIENCE_TEST }));`,
    );
    const run = npmTest([file]);
    assert.equal(await run.ended, 0, run.output());
    assert.match(run.output(), /^# pass 1$/m);
    assert.match(run.output(), /^# fail 0$/m);
    const env = JSON.parse(readFileSync(seen, 'utf8')) as NodeJS.ProcessEnv;
    assert.match(env['MONGODB_URL'] ?? '', /^mongodb:\/\/127\.0\.0\.1:\d+\/\?replicaSet=rs0$/);
    assert.match(env['TEMPORAL_ADDRESS'] ?? '', /^127\.0\.0\.1:\d+$/);
    assert.equal(env['WORKFLOW_BUNDLE'], join(root, 'dist', 'workflow-bundle.js'));
    assert.equal(env['EXPERIENCE_TEST'], '1');
    assert.deepEqual(leftovers(), []);
  });

  test('fails when a test fails', async () => {
    const run = npmTest([testFile('fails.test.mjs', `throw new Error('as it should');`)]);
    assert.equal(await run.ended, 1);
    assert.match(run.output(), /^# fail 1$/m);
    assert.deepEqual(leftovers(), []);
  });

  test('runs what failed once more where it is asked to, and names what passed only then', async () => {
    const marker = JSON.stringify(join(folder, 'ran'));
    const file = testFile(
      'unsteady.test.mjs',
      `const { existsSync, writeFileSync } = await import('node:fs');
       const second = existsSync(${marker});
       writeFileSync(${marker}, '');
       if (!second) throw new Error('only at first');`,
    );
    const run = npmTest([file, '--rerun-fails'], given());
    assert.equal(await run.ended, 0, run.output());
    assert.match(run.output(), /failed: \S*unsteady\.test\.mjs: the test\nError: only at first/);
    assert.match(run.output(), /unsteady: failed at first, then passed: \S*unsteady\.test\.mjs: the test/);
    const never = npmTest([testFile('never.test.mjs', `throw new Error('each time');`), '--rerun-fails'], given());
    assert.equal(await never.ended, 1, never.output());
    assert.match(never.output(), /failed again: \S*never\.test\.mjs: the test\nError: each time/);
    assert.deepEqual(leftovers(), []);
  });

  test('fails when a server dies under the tests, whatever they say', async () => {
    const goOn = join(folder, 'mongod is dead');
    const run = npmTest([testFile('waits.test.mjs', waitsFor(goOn))]);
    await until(run.output, () => run.output().includes('testing:'), START_MS);
    process.kill(servers().find(({ name }) => name === 'mongod')?.pid ?? assert.fail(), 'SIGKILL');
    await until(run.output, () => run.output().includes('mongod died'));
    writeFileSync(goOn, '');
    assert.equal(await run.ended, 1);
    assert.match(run.output(), /the tests lost a server: mongod died \(killed by SIGKILL\)/);
    assert.deepEqual(leftovers(), []);
  });

  test('uses the servers it is given', async () => {
    const run = npmTest([testFile('given.test.mjs', '')], given());
    assert.equal(await run.ended, 0, run.output());
    assert.match(run.output(), /mongodb: MONGODB_URL: \d+\.\d+/);
    assert.match(run.output(), /temporal: TEMPORAL_ADDRESS: server \d+\.\d+/);
  });

  test('stops everything when it is interrupted', async () => {
    const run = npmTest([testFile('interrupted.test.mjs', waitsFor(join(folder, 'never')))]);
    await until(run.output, () => run.output().includes('testing:'), START_MS);
    const pids = servers().map(({ pid }) => pid);
    assert.equal(pids.length, 2);
    run.child.kill('SIGTERM');
    assert.notEqual(await run.ended, 0);
    assert.deepEqual(
      pids.filter((pid) => identityOf(pid) !== undefined),
      [],
    );
    assert.deepEqual(leftovers(), []);
  });

  test('stops and removes what a run that was killed has left', async () => {
    const goOn = join(folder, 'npm test is dead');
    const killed = npmTest([testFile('killed.test.mjs', waitsFor(goOn))]);
    await until(killed.output, () => killed.output().includes('testing:'), START_MS);
    const left = servers().map(({ pid }) => pid);
    const [lock] = leftovers().map((name) => readFileSync(join(temporary, name, 'start.lock'), 'utf8'));
    process.kill((JSON.parse(lock ?? '{}') as { readonly pid: number }).pid, 'SIGKILL');
    writeFileSync(goOn, '');
    await killed.ended;
    assert.equal(left.filter((pid) => identityOf(pid) !== undefined).length, 2);
    const next = npmTest([testFile('next.test.mjs', '')]);
    assert.equal(await next.ended, 0, next.output());
    assert.match(next.output(), /mongod: process \d+ was left by a start that was killed; stopped it/);
    assert.deepEqual(
      left.filter((pid) => identityOf(pid) !== undefined),
      [],
    );
    assert.deepEqual(leftovers(), []);
  });
});
