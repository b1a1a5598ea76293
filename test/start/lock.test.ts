import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { takeLock, withLock } from '../../scripts/servers/lock.mjs';
import { until } from '../helper/until.js';

const folder = mkdtempSync(join(tmpdir(), 'lock-'));
after(() => {
  rmSync(folder, { recursive: true });
});

const module = new URL('../../scripts/servers/lock.mjs', import.meta.url).href;

/** Runs code that has `takeLock` and a lock file's name in another process, and gives what it printed. */
function elsewhere(file: string, code: string) {
  const script = `import { takeLock } from ${JSON.stringify(module)}; const file = ${JSON.stringify(file)}; ${code}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = new Promise<string>((resolve) =>
    child.once('close', () => {
      resolve(output);
    }),
  );
  return { child, ended, output: () => output };
}

describe('a lock', () => {
  test('is held until it is released, and says by whom', () => {
    const file = join(folder, 'held');
    const first = takeLock(file);
    assert.ok('release' in first);
    const second = takeLock(file);
    assert.ok('heldBy' in second);
    assert.equal(second.heldBy.pid, process.pid);
    first.release();
    assert.ok('release' in takeLock(file));
  });

  test('of a process that was killed is free', async () => {
    const file = join(folder, 'killed');
    const { ended } = elsewhere(
      file,
      `takeLock(file); process.stdout.write('taken'); process.kill(process.pid, 'SIGKILL');`,
    );
    assert.equal(await ended, 'taken');
    assert.ok(readFileSync(file, 'utf8').includes('"pid"'), 'it left its lock behind');
    assert.ok('release' in takeLock(file));
  });

  test('of a process that lives is not free', async () => {
    const file = join(folder, 'alive');
    const { child, ended } = elsewhere(
      file,
      `takeLock(file); process.stdout.write('taken'); setTimeout(() => {}, 60_000);`,
    );
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const taken = takeLock(file);
    assert.ok('heldBy' in taken);
    assert.equal(taken.heldBy.pid, child.pid);
    child.kill('SIGKILL');
    await ended;
    assert.ok('release' in takeLock(file));
  });

  test('is not held by a later process that happens to have the same pid', () => {
    const file = join(folder, 'reused');
    writeFileSync(file, JSON.stringify({ pid: process.pid, identity: 'another boot/1', since: '' }));
    assert.ok('release' in takeLock(file));
  });

  test('that is no lock file at all is taken over', () => {
    const file = join(folder, 'garbage');
    writeFileSync(file, '{"pid":');
    assert.ok('release' in takeLock(file));
  });

  test('left by a dead process goes to one only of many that want it at once', async () => {
    const file = join(folder, 'raced');
    writeFileSync(file, JSON.stringify({ pid: 1, identity: 'gone', since: '' }));
    // They begin when all of them are there, as nearly at one moment as may be, and hold what they get until all have tried.
    const code = `
      process.stdout.write('?');
      process.stdin.once('data', () => process.stdout.write('release' in takeLock(file) ? '1' : '0'));`;
    const racers = Array.from({ length: 8 }, () => elsewhere(file, code));
    await until('all of them', () => racers.every(({ output }) => output() === '?'));
    for (const { child } of racers) child.stdin.write('go');
    await until('what they got', () => racers.every(({ output }) => output().length === 2));
    for (const { child } of racers) child.stdin.end();
    const answers = await Promise.all(racers.map(({ ended }) => ended));
    assert.equal(answers.filter((answer) => answer === '?1').length, 1, answers.join(''));
  });

  test('lets those who wait for it in one after the other', async () => {
    const file = join(folder, 'waited');
    const said: string[] = [];
    let inside = 0;
    const work = async () => {
      inside += 1;
      assert.equal(inside, 1);
      await new Promise((resolve) => setTimeout(resolve, 50));
      inside -= 1;
    };
    const options = { say: (line: string) => said.push(line), what: 'work', signal: new AbortController().signal };
    await Promise.all([1, 2, 3].map(() => withLock(file, options, work)));
    assert.equal(said.length, 2);
    assert.match(said[0] ?? '', /^work: waiting for process \d+/);
  });
});
