import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import { Worker, type WorkflowBundleOption } from '@temporalio/worker';
import type { BatchActivities } from '../../activities/batches.js';
import type { FlushResult } from '../../activities/flush-result.js';
import { batchIngest } from '../../workflows/batch-ingest.js';
import { testBundle, testTemporal, unique } from '../helper/temporal.js';

const storedResult = (flushId: string, stored = 10, expired = 0): FlushResult => ({
  flushId,
  state: 'stored',
  stored,
  expired,
});

type Fakes = Pick<BatchActivities, 'storeFlushes' | 'storeFlush' | 'failFlush'>;

const unexpected = (name: string) => () => Promise.reject(ApplicationFailure.nonRetryable(`${name} was called`));
const none: Fakes = {
  storeFlushes: unexpected('storeFlushes'),
  storeFlush: unexpected('storeFlush'),
  failFlush: unexpected('failFlush'),
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

  async function run(fakes: Partial<Fakes>, flushIds: readonly string[]) {
    const taskQueue = unique('batch-ingest');
    const activities = { ...none, ...fakes };
    const worker = await Worker.create({ connection: temporal.connection, taskQueue, workflowBundle, activities });
    return worker.runUntil(async () => {
      const options = { taskQueue, workflowId: taskQueue, args: [{ flushIds }] as [{ flushIds: readonly string[] }] };
      const handle = await temporal.client.workflow.start(batchIngest, options);
      const result = await handle.result().catch((error: unknown) => error);
      const metadata = await handle.query<{ currentDetails?: string }>('__temporal_workflow_metadata');
      const { events } = await handle.fetchHistory();
      const scheduled = (events ?? []).flatMap(
        (event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? [],
      );
      return { result, details: metadata.currentDetails ?? '', scheduled };
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
    assert.deepEqual(tries, ['b', 'b', 'c', 'c']);
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
    assert.deepEqual(long, ['a', 'b']);
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

  it('fails, and leaves the flush to the sweep, on an error that it cannot judge', async () => {
    const { result } = await run(
      {
        storeFlushes: async () => ({ results: [], left: [{ flushId: 'a', reason: 'odd' }] }),
        async storeFlush() {
          throw ApplicationFailure.nonRetryable('odd', 'INTERNAL');
        },
      },
      ['a'],
    );
    assert.ok(result instanceof Error);
    assert.match(String(result.cause), /Activity task failed|odd/);
  });
});
