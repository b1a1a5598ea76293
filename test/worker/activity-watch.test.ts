import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { asyncLocalStorage, type Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { StoreFlushesResult } from '../../activities/batches.js';
import { activityNotes, readNotes } from '../../worker/activity-notes.js';
import { activityWatch } from '../../worker/activity-watch.js';
import { pastDeaths, refusals } from '../../worker/past-deaths.js';
import { cpuMs } from '../helper/cpu-time.js';

const folder = mkdtempSync(join(tmpdir(), 'activity-watch-'));
after(() => rmSync(folder, { recursive: true }));
let count = 0;
const newFile = (): string => join(folder, String((count += 1)), 'activities');
const fail = (error: unknown): never => {
  throw error;
};

type Watch = ReturnType<typeof activityWatch>;

/** Runs an activity as the worker does. */
async function run(watch: Watch, type: string, input: unknown, work: (input: unknown) => unknown = () => 'done') {
  const info = { activityType: type, workflowExecution: { workflowId: `workflow-of-${type}` } };
  const context = { info } as Context;
  const { inbound } = watch.interceptor(context);
  const next = async ({ args }: { readonly args: unknown[] }): Promise<unknown> => work(args[0]);
  return asyncLocalStorage.run(context, async () => inbound?.execute?.({ args: [input], headers: {} }, next));
}

/** A worker that dies while these run; answers what its successor knows. */
async function dies(file: string, at: number, ...running: readonly (readonly [type: string, input: object])[]) {
  pastDeaths(file, at);
  const watch = activityWatch({ notes: activityNotes(file, fail), refused: new Map() });
  for (const [type, input] of running) void run(watch, type, input, () => new Promise(() => undefined));
  return watch;
}

const MINUTE = 60_000;

describe('notes of running activities', () => {
  it('name what runs at any moment, in a file that another process reads, and nothing that has ended', async () => {
    const file = newFile();
    const watch = activityWatch({ notes: activityNotes(file, fail), refused: new Map() });
    let seen: unknown;
    await run(watch, 'storeFlush', { flushId: 'a' }, () => (seen = readNotes(file)));
    assert.deepEqual(seen, [{ type: 'storeFlush', workflowId: 'workflow-of-storeFlush', flushIds: ['a'] }]);
    assert.deepEqual(readNotes(file), []);
    await assert.rejects(
      run(watch, 'purge', {}, () => fail(new Error('no'))),
      /no/,
    );
    assert.deepEqual(readNotes(file), []);
    const long = Array.from({ length: 30 }, () => run(watch, 'walk', {}, () => (seen = readNotes(file).length)));
    await Promise.all(long);
    assert.equal(seen, 30);
  });

  it('are not there to be cut: an activity of too long a name is noted as far as it goes, and harms no other', async () => {
    const file = newFile();
    const watch = activityWatch({ notes: activityNotes(file, fail), refused: new Map() });
    let seen: unknown;
    const flushIds = Array.from({ length: 200 }, (_, n) => `flush-${String(n)}`);
    await run(watch, 'storeFlushes', { flushIds }, () =>
      run(watch, 'other', {}, () => (seen = readNotes(file).map(({ type }) => type))),
    );
    assert.deepEqual(seen, ['storeFlushes', 'other']);
  });

  it('cost a flush next to nothing', async () => {
    const file = newFile();
    const noted = activityWatch({ notes: activityNotes(file, fail), refused: new Map() });
    const flushIds = Array.from({ length: 10 }, (_, n) => `01JDGQ8N7V6W5X4Y3Z2A1B0C${String(n).padStart(2, '0')}`);
    const runs = 2_000;
    const ms = await cpuMs(async () => {
      for (let n = 0; n < runs; n++) await run(noted, 'storeFlushes', { flushIds });
    });
    // Storing one takes tens of milliseconds.
    assert.ok(ms / runs < 1, `${String(ms / runs)} ms each`);
  });

  it('fail no activity where they cannot be written', async () => {
    const errors: unknown[] = [];
    const notes = activityNotes('/dev/full', (error) => errors.push(error));
    assert.equal(await run(activityWatch({ notes, refused: new Map() }), 'purge', {}), 'done');
    assert.match(String(errors[0]), /ENOSPC/);
  });
});

describe('an activity that ran at three deaths of the worker', () => {
  it('is refused for ten minutes after the last, and all others run', async () => {
    const file = newFile();
    for (const at of [1, 2]) {
      await dies(file, at * MINUTE, ['attemptDelivery', { deliveryId: 'x' }]);
      assert.deepEqual([...refusals(pastDeaths(file, at * MINUTE))], []);
      writeFileSync(file, '');
    }
    await dies(file, 3 * MINUTE, ['attemptDelivery', { deliveryId: 'y' }]);
    const refused = refusals(pastDeaths(file, 4 * MINUTE));
    assert.deepEqual([...refused], [['attemptDelivery', 14 * MINUTE]]);

    let now = 13 * MINUTE;
    const watch = activityWatch({ notes: undefined, refused, now: () => now });
    await assert.rejects(run(watch, 'attemptDelivery', {}), (error) => {
      assert.ok(error instanceof ApplicationFailure);
      assert.equal(error.nonRetryable, false);
      assert.equal(error.type, 'ACTIVITY_REFUSED');
      return /attemptDelivery was running whenever this worker died lately: not tried again before 1970/.test(
        error.message,
      );
    });
    assert.equal(await run(watch, 'purge', {}), 'done');
    now = 14 * MINUTE;
    assert.equal(await run(watch, 'attemptDelivery', {}), 'done');
  });

  it('is a flush by itself, where it stores one', async () => {
    const file = newFile();
    for (const at of [1, 2, 3]) await dies(file, at, ['storeFlush', { flushId: 'bad' }]);
    const watch = activityWatch({ notes: undefined, refused: refusals(pastDeaths(file, 4)), now: () => 5 });
    await assert.rejects(run(watch, 'storeFlush', { flushId: 'bad' }), /storeFlush bad was running/);
    assert.equal(await run(watch, 'storeFlush', { flushId: 'good' }), 'done');
  });

  it('is suspect of none where it ended before the death, or the worker was asked to stop', async () => {
    const file = newFile();
    for (const at of [1, 2, 3]) {
      pastDeaths(file, at);
      const notes = activityNotes(file, fail);
      const watch = activityWatch({ notes, refused: new Map() });
      await run(watch, 'purge', {});
      void run(watch, 'storeFlush', { flushId: 'cut' }, () => new Promise(() => undefined));
      notes.forget();
      await run(watch, 'late', {});
    }
    assert.deepEqual(pastDeaths(file, 4), []);
  });

  it('is the only suspect where it is known that it was thrown in it', async () => {
    const file = newFile();
    for (const at of [1, 2, 3]) {
      const watch = await dies(file, at, ['purge', {}]);
      const atDeath = await run(watch, 'attemptDelivery', {}, () => {
        const { activity, running } = watch.doing();
        assert.equal(activity?.type, 'attemptDelivery');
        assert.deepEqual(
          running.map(({ type }) => type),
          ['purge', 'attemptDelivery'],
        );
        return readFileSync(file, 'utf8');
      });
      writeFileSync(file, String(atDeath));
    }
    assert.deepEqual([...refusals(pastDeaths(file, 4)).keys()], ['attemptDelivery']);
  });

  it('is forgotten after an hour, and rubbish in the files is nobody’s fault', async () => {
    const file = newFile();
    for (const at of [1, 2, 3]) await dies(file, at * MINUTE, ['purge', {}]);
    assert.equal(pastDeaths(file, 62 * MINUTE).length, 2);
    writeFileSync(file, 'rubbish\n\0\n{"type":');
    writeFileSync(`${file}.deaths`, '{');
    assert.deepEqual(pastDeaths(file, 5), []);
    assert.equal(readFileSync(`${file}.deaths`, 'utf8'), '[]');
  });
});

describe('flushes that were stored quickly when the worker died', () => {
  it('are left to go each by itself, and the others are stored', async () => {
    const file = newFile();
    await dies(file, 1, ['storeFlushes', { flushIds: ['a', 'b'] }]);
    const watch = activityWatch({ notes: undefined, refused: refusals(pastDeaths(file, 2)), now: () => 3 });
    const work = (input: unknown): StoreFlushesResult => {
      const { flushIds } = input as { readonly flushIds: readonly string[] };
      const result = { state: 'stored', stored: 1, expired: 0 } as const;
      return { results: flushIds.map((flushId) => ({ flushId, ...result })), left: [] };
    };
    const { results, left } = (await run(
      watch,
      'storeFlushes',
      { flushIds: ['a', 'c', 'b'] },
      work,
    )) as StoreFlushesResult;
    assert.deepEqual(
      results.map(({ flushId }) => flushId),
      ['c'],
    );
    assert.deepEqual(
      left.map(({ flushId }) => flushId),
      ['a', 'b'],
    );
    assert.match(left[0]?.reason ?? '', /the worker has died/);
    const none = (await run(watch, 'storeFlushes', { flushIds: ['a'] }, () => assert.fail())) as StoreFlushesResult;
    assert.deepEqual([none.results.length, none.left.length], [0, 1]);
    assert.equal(await run(watch, 'storeFlush', { flushId: 'a' }), 'done');
  });
});
