import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { Worker, type WorkflowBundleOption } from '@temporalio/worker';
import type { BatchActivities } from '../../activities/batches.js';
import type { FlushResult } from '../../activities/flush-result.js';
import type { WaitingFlushActivities } from '../../activities/waiting-flushes.js';
import { batchIngest, type BatchIngestInput } from '../../workflows/batch-ingest.js';
import { until } from '../helper/until.js';
import { testBundle, testTemporal, unique } from '../helper/temporal.js';

const storedResult = (flushId: string, stored = 10, expired = 0): FlushResult => ({
  flushId,
  state: 'stored',
  stored,
  expired,
});

type Fakes = Pick<BatchActivities, 'storeFlushes' | 'storeFlush' | 'failFlush'> &
  Pick<WaitingFlushActivities, 'recordFailedRun'>;

const unexpected = (name: string) => () => Promise.reject(ApplicationFailure.nonRetryable(`${name} was called`));
const none: Fakes = {
  storeFlushes: unexpected('storeFlushes'),
  storeFlush: unexpected('storeFlush'),
  failFlush: unexpected('failFlush'),
  recordFailedRun: unexpected('recordFailedRun'),
};

const poison = (flushId: string) =>
  ApplicationFailure.nonRetryable(`mongod refuses ${flushId}: too large`, 'FLUSH_POISONED');

describe('the batchIngest workflow', () => {
  let temporal: Awaited<ReturnType<typeof testTemporal>>;
  let workflowBundle: WorkflowBundleOption;
  before(async () => {
    temporal = await testTemporal();
    workflowBundle = testBundle();
  });
  after(() => temporal.close());

  async function run(
    fakes: Partial<Fakes>,
    flushIds: readonly string[],
    more: Pick<BatchIngestInput, 'failedBefore'> = {},
  ) {
    const taskQueue = unique('batch-ingest');
    const activities = { ...none, ...fakes };
    const worker = await Worker.create({ connection: temporal.connection, taskQueue, workflowBundle, activities });
    return worker.runUntil(async () => {
      const args: [BatchIngestInput] = [{ flushIds, ...more }];
      const options = { taskQueue, workflowId: taskQueue, args };
      const handle = await temporal.client.workflow.start(batchIngest, options);
      const result = await handle.result().catch((error: unknown) => error);
      const metadata = await handle.query<{ currentDetails?: string }>('__temporal_workflow_metadata');
      const { events } = await handle.fetchHistory();
      const activities = (events ?? []).flatMap((event) => event.activityTaskScheduledEventAttributes ?? []);
      return {
        result,
        details: metadata.currentDetails ?? '',
        scheduled: activities.map(({ activityType }) => activityType?.name),
        patience: activities.map(({ scheduleToCloseTimeout }) => Number(scheduleToCloseTimeout?.seconds)),
      };
    });
  }

  it('stores all flushes in one local activity when nothing goes wrong', async () => {
    const asked: unknown[] = [];
    const { result, details, scheduled } = await run(
      {
        async storeFlushes(input) {
          asked.push(input);
          return { results: [storedResult('a', 20), storedResult('b', 5, 2)], left: [] };
        },
      },
      ['a', 'b'],
    );
    assert.deepEqual(asked, [{ flushIds: ['a', 'b'] }]);
    assert.deepEqual(result, { stored: 25, expired: 2, failed: [] });
    assert.deepEqual(scheduled, [], 'no normal activity: one costs half as much again');
    assert.match(details, /\*\*25 items\*\* stored from 2 flushes, 2 past their retention left out/);
  });

  it('takes the flushes that were left the long way, each by itself, until they are stored', async () => {
    const tries: string[] = [];
    const { result, scheduled } = await run(
      {
        storeFlushes: async () => ({
          results: [storedResult('a')],
          left: [
            { flushId: 'b', reason: 'no time left' },
            { flushId: 'c', reason: 'MongoNetworkError' },
          ],
        }),
        async storeFlush({ flushId }) {
          tries.push(flushId);
          if (tries.filter((each) => each === flushId).length < 2) throw new Error('connection reset');
          return storedResult(flushId, 7);
        },
      },
      ['a', 'b', 'c'],
    );
    assert.deepEqual(result, { stored: 24, expired: 0, failed: [] });
    assert.deepEqual(tries.toSorted(), ['b', 'b', 'c', 'c']);
    assert.deepEqual(scheduled, ['storeFlush', 'storeFlush']);
  });

  it('takes all the long way when the quick one fails, and tries that only once', async () => {
    let quick = 0;
    const long: string[] = [];
    const { result } = await run(
      {
        async storeFlushes() {
          quick++;
          throw new Error('no MongoDB');
        },
        async storeFlush({ flushId }) {
          long.push(flushId);
          return storedResult(flushId);
        },
      },
      ['a', 'b'],
    );
    assert.deepEqual(result, { stored: 20, expired: 0, failed: [] });
    assert.deepEqual(long.toSorted(), ['a', 'b']);
    assert.equal(quick, 1);
  });

  it('sets a poisoned flush aside, names it, and stores the others all the same', async () => {
    const setAside: unknown[] = [];
    let tries = 0;
    const { result, details } = await run(
      {
        storeFlushes: async () => ({
          results: [],
          left: [
            { flushId: 'bad', reason: 'FLUSH_POISONED' },
            { flushId: 'good', reason: 'no time left' },
          ],
        }),
        async storeFlush({ flushId }) {
          if (flushId === 'good') return storedResult(flushId);
          tries++;
          throw poison(flushId);
        },
        async failFlush(input) {
          setAside.push(input);
        },
      },
      ['bad', 'good'],
    );
    assert.deepEqual(result, { stored: 10, expired: 0, failed: ['bad'] });
    assert.deepEqual(setAside, [{ flushId: 'bad', reason: 'mongod refuses bad: too large' }]);
    assert.equal(tries, 1, 'what is refused for ever is not tried again');
    assert.match(details, /Set aside: bad/);
  });

  it('does not let one flush that is stuck hold the nine others, fails in the end and names it', async () => {
    const flushIds = Array.from({ length: 10 }, (_, index) => `flush-${String(index)}`);
    const stuck = 'flush-0';
    const stored = new Set<string>();
    const told: Parameters<Fakes['recordFailedRun']>[0][] = [];
    const { result, details } = await run(
      {
        storeFlushes: async () => ({ results: [], left: flushIds.map((flushId) => ({ flushId, reason: 'too slow' })) }),
        async storeFlush({ flushId }) {
          if (flushId !== stuck) {
            stored.add(flushId);
            return storedResult(flushId);
          }
          // As one that is tried for its whole hour: it ends when all others are stored, or when they never will be.
          await until('the nine others are stored', () => stored.size === 9).catch(() => undefined);
          throw ApplicationFailure.nonRetryable('connection reset');
        },
        async recordFailedRun(input) {
          told.push(input);
        },
      },
      flushIds,
    );
    assert.equal(stored.size, 9);
    assert.ok(result instanceof WorkflowFailedError);
    assert.ok(result.cause instanceof ApplicationFailure);
    assert.equal(result.cause.type, 'FLUSHES_LEFT');
    assert.equal(result.cause.message, 'not stored, of 10 flushes: flush-0 (connection reset)');
    assert.deepEqual(told, [{ runId: told[0]?.runId, left: [{ flushId: stuck, reason: 'connection reset' }] }]);
    assert.match(details, /90 items[^]*Not stored: flush-0 \(connection reset\)/);
  });

  it('names each that is not stored, also one that cannot be set aside, and those it has set aside stay so', async () => {
    const reasons: Readonly<Record<string, Error>> = {
      odd: ApplicationFailure.nonRetryable('odd', 'INTERNAL'),
      bad: poison('bad'),
      worse: poison('worse'),
    };
    const flushIds = Object.keys(reasons);
    const { result, scheduled } = await run(
      {
        storeFlushes: async () => ({ results: [], left: flushIds.map((flushId) => ({ flushId, reason: 'left' })) }),
        storeFlush: ({ flushId }) => Promise.reject(reasons[flushId] ?? new Error()),
        failFlush: ({ flushId }) =>
          flushId === 'bad' ? Promise.resolve() : Promise.reject(ApplicationFailure.nonRetryable('no primary')),
        recordFailedRun: async () => undefined,
      },
      flushIds,
    );
    assert.ok(result instanceof WorkflowFailedError);
    const names = (result.cause?.message ?? '').replace('not stored, of 3 flushes: ', '').split(', ');
    assert.deepEqual(names.toSorted(), ['odd (odd)', 'worse (no primary)']);
    assert.equal(scheduled.at(-1), 'recordFailedRun');
  });

  it('fails with the same words when it cannot note what failed', async () => {
    const { result } = await run(
      {
        storeFlushes: async () => ({ results: [], left: [{ flushId: 'a', reason: 'odd' }] }),
        storeFlush: () => Promise.reject(ApplicationFailure.nonRetryable('odd')),
        recordFailedRun: () => Promise.reject(ApplicationFailure.nonRetryable('no MongoDB')),
      },
      ['a'],
    );
    assert.ok(result instanceof WorkflowFailedError);
    assert.equal(result.cause?.message, 'not stored, of 1 flush: a (odd)');
  });

  it('gives a flush an hour, and one that a run has failed on before five minutes', async () => {
    const fakes: Partial<Fakes> = {
      storeFlushes: async () => ({ results: [], left: [{ flushId: 'a', reason: 'no time left' }] }),
      storeFlush: async () => storedResult('a'),
    };
    assert.deepEqual((await run(fakes, ['a'])).patience, [3_600]);
    assert.deepEqual((await run(fakes, ['a'], { failedBefore: true })).patience, [300]);
  });

  it('is cancelled when somebody cancels it, which is no failure of its flushes', async () => {
    const taskQueue = unique('batch-ingest');
    let tries = 0;
    const activities: Fakes = {
      ...none,
      storeFlushes: async () => ({ results: [], left: [{ flushId: 'a', reason: 'odd' }] }),
      async storeFlush() {
        tries++;
        throw new Error('not yet');
      },
    };
    const worker = await Worker.create({ connection: temporal.connection, taskQueue, workflowBundle, activities });
    await worker.runUntil(async () => {
      const args: [BatchIngestInput] = [{ flushIds: ['a'] }];
      const handle = await temporal.client.workflow.start(batchIngest, { taskQueue, workflowId: taskQueue, args });
      await until('it takes the long way', () => tries > 0);
      await handle.cancel();
      await assert.rejects(handle.result(), (error: Error) => error.cause instanceof CancelledFailure);
    });
  });
});
