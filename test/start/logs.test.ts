import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { capLog, followProblems, lastWords, problemIn } from '../../scripts/servers/logs.mjs';
import { launch, stop } from '../../scripts/servers/process.mjs';
import { until } from '../helper/until.js';

const folder = mkdtempSync(join(tmpdir(), 'logs-'));
after(() => {
  rmSync(folder, { recursive: true });
});

describe('of a log', () => {
  test('errors and lines that are no JSON are problems, the rest is not', () => {
    assert.equal(problemIn('{"level":30,"msg":"listening"}'), undefined);
    assert.equal(problemIn('{"level":40,"msg":"slow"}'), undefined);
    assert.equal(problemIn('{"level":50,"msg":"no answer"}'), 'no answer');
    assert.equal(
      problemIn('{"level":60,"msg":"cannot go on","err":{"message":"disk full"}}'),
      'cannot go on: disk full',
    );
    assert.equal(problemIn('{"level":50,"msg":"disk full","err":{"message":"disk full"}}'), 'disk full');
    assert.equal(problemIn('TypeError: x is not a function'), 'TypeError: x is not a function');
    assert.equal(problemIn(''), undefined);
    assert.equal(problemIn('null'), undefined);
    assert.equal(problemIn('{"s":"I","msg":"Waiting for connections"}'), undefined);
    assert.equal(
      problemIn('{"s":"E","msg":"DBException in initAndListen","attr":{"error":"DBPathInUse: Unable to lock"}}'),
      'DBException in initAndListen: DBPathInUse: Unable to lock',
    );
    assert.equal(problemIn('{"level":"error","msg":"no listener","error":"port in use"}'), 'no listener: port in use');
  });

  test('the problems are shown that come after we began to look, once', async () => {
    const file = join(folder, 'followed.log');
    writeFileSync(file, '{"level":50,"msg":"long ago"}\n');
    const said: string[] = [];
    const follower = followProblems({ name: 'api', file, say: (line) => said.push(line) });
    appendFileSync(file, '{"level":30,"msg":"fine"}\n{"level":50,"msg":"tr');
    await new Promise((resolve) => setTimeout(resolve, 600));
    assert.deepEqual(said, []);
    appendFileSync(file, 'ouble"}\n');
    follower.stop();
    assert.deepEqual(said, ['api: trouble']);
  });

  test('a flood of problems is shown in part, with the number of the others', () => {
    const file = join(folder, 'flood.log');
    const said: string[] = [];
    const follower = followProblems({ name: 'api', file, say: (line) => said.push(line) });
    writeFileSync(file, '{"level":50,"msg":"again"}\n'.repeat(100));
    follower.stop();
    assert.equal(said.length, 21);
    assert.equal(said.at(-1), `api: 80 more, see ${file}`);
  });

  test('the problems are what counts in the last words of a process that died', () => {
    const file = join(folder, 'words.log');
    writeFileSync(file, '{"s":"I","msg":"starting"}\n{"s":"F","msg":"cannot go on"}\n{"s":"I","msg":"bye"}\n');
    assert.equal(lastWords(file, 0), 'cannot go on');
  });

  test('the last lines of the present process are given, not of the one before', () => {
    const file = join(folder, 'last.log');
    writeFileSync(file, 'before\n');
    const from = statSync(file).size;
    appendFileSync(file, 'one\ntwo\nthree\n');
    assert.equal(lastWords(file, from, 2), 'two\nthree');
    assert.equal(lastWords(file, from), 'one\ntwo\nthree');
  });

  test('the size is capped while it is written, with the older part kept beside it', async () => {
    const file = join(folder, 'capped.log');
    const code = `setInterval(() => console.log('x'.repeat(100)), 1);`;
    const writer = launch({ command: process.execPath, args: ['-e', code], logFile: file });
    await until('enough', () => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) >= 5000);
    capLog(file, 5000);
    await until('the writer goes on', () => statSync(file).size > 0);
    await stop(writer, 60_000);
    assert.ok(statSync(`${file}.1`).size >= 5000);
    const text = readFileSync(file, 'utf8');
    assert.equal(text.includes('\0'), false, 'from the beginning, without a hole');
  });
});
