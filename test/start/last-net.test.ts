import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { readNotes } from '../../worker/activity-notes.js';

const dist = join(import.meta.dirname, '..', '..', 'dist');
const folder = mkdtempSync(join(tmpdir(), 'last-net-'));
after(() => rmSync(folder, { recursive: true }));
const of = (file: string): string => JSON.stringify(pathToFileURL(join(dist, file)).href);

/** A process with the log, the last net and the watch over activities of the built worker. */
async function processThat(code: string, name: string, stdout?: string) {
  const notes = join(folder, name);
  const log = stdout ?? `${notes}.log`;
  const out = openSync(log, 'a');
  const script = `
    import { asyncLocalStorage } from '@temporalio/activity';
    import { lastNet, processLog } from ${of('last-net.js')};
    import { activityNotes } from ${of('worker/activity-notes.js')};
    import { activityWatch } from ${of('worker/activity-watch.js')};
    const log = processLog({ name: 'worker', level: 'info' });
    const watch = activityWatch({ notes: activityNotes(${JSON.stringify(notes)}, () => {}), refused: new Map() });
    lastNet({ log, doing: watch.doing });
    const run = (activityType, input, work) => {
      const context = { info: { activityType, workflowExecution: { workflowId: 'w' } } };
      const { inbound } = watch.interceptor(context);
      return asyncLocalStorage.run(context, () => inbound.execute({ args: [input], headers: {} }, work));
    };
    const forEver = () => new Promise(() => undefined);
    const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    setTimeout(() => process.exit(0), 20_000);
    ${code}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', out, 'inherit'] });
  closeSync(out);
  const code_ = await new Promise((resolve) => child.once('exit', resolve));
  const lines = stdout === undefined ? readFileSync(log, 'utf8').trim().split('\n') : [];
  return {
    code: code_,
    lines: lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>),
    left: readNotes(notes),
  };
}

const FATAL = 60;
const idle = { type: 'purge', workflowId: 'w' };
const culprit = { type: 'storeFlush', workflowId: 'w', flushIds: ['a'] };

describe('what nobody has caught', () => {
  const THROWN: Readonly<Record<string, readonly [origin: string, code: string]>> = {
    'in a timer': [
      'exception',
      `await later(5); setTimeout(() => { throw new Error('no more'); }, 5); await forEver();`,
    ],
    'in an event handler': [
      'exception',
      `const { EventEmitter } = await import('node:events'); const it = new EventEmitter();
       it.on('x', () => { throw new Error('no more'); }); setImmediate(() => it.emit('x')); await forEver();`,
    ],
    'in a look-up': [
      'exception',
      `(await import('node:dns')).lookup('127.0.0.1', () => { throw new Error('no more'); }); await forEver();`,
    ],
    'in a promise': ['rejection', `await later(5); void Promise.reject(new Error('no more')); await forEver();`],
    'in a promise, late': ['rejection', `void later(5).then(() => { throw new Error('no more'); }); await forEver();`],
  };
  for (const [where, [origin, code]] of Object.entries(THROWN))
    it(`${where} ends the process with an error, and says in which activity it was`, async () => {
      const {
        code: exit,
        lines,
        left,
      } = await processThat(
        `void run('purge', {}, forEver); await run('storeFlush', { flushId: 'a' }, async () => { ${code} });`,
        where.replaceAll(/\W/g, '-'),
      );
      assert.equal(exit, 1);
      const last = lines.at(-1);
      assert.deepEqual([last?.['level'], last?.['origin'], last?.['process']], [FATAL, origin, 'worker']);
      assert.deepEqual(last?.['activity'], culprit);
      assert.deepEqual(last['running'], [idle, culprit]);
      assert.equal((last['err'] as { readonly message: string }).message, 'no more');
      assert.deepEqual(left, [idle, { ...culprit, guilty: true }]);
    });

  it('outside any activity says what ran', async () => {
    const { code, lines } = await processThat(
      `setTimeout(() => { throw new Error('no more'); }, 20); await run('purge', {}, forEver);`,
      'outside',
    );
    assert.equal(code, 1);
    assert.deepEqual([lines.at(-1)?.['activity'], lines.at(-1)?.['running']], [undefined, [idle]]);
  });
});

describe('a log on a disk that is full', () => {
  it('costs lines, and not the process', { skip: process.platform !== 'linux' }, async () => {
    const { code } = await processThat(
      `for (let n = 0; n < 100; n++) { log.error({ n }, 'x'.repeat(1000)); await later(1); } process.exit(7);`,
      'full',
      '/dev/full',
    );
    assert.equal(code, 7);
  });
});
