import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Worker, type WorkflowBundleOption } from '@temporalio/worker';
import type { BatchActivities } from '../../activities/batches.js';
import { batchIngest, batchIngestId } from '../../workflows/batch-ingest.js';
import { SEARCH_ATTRIBUTES } from '../../workflows/search-attributes.js';
import { spoolSweep } from '../../workflows/spool-sweep.js';
import { testBundle, testTemporal, unique } from '../helper/temporal.js';

type Fakes = Pick<BatchActivities, 'findWaiting' | 'storeFlushes'>;

describe('the spoolSweep workflow', () => {
  let temporal: Awaited<ReturnType<typeof testTemporal>>;
  let workflowBundle: WorkflowBundleOption;
  before(async () => {
    temporal = await testTemporal();
    workflowBundle = testBundle();
  });
  after(() => temporal.close());

  async function withWorker<T>(fakes: Fakes, work: (taskQueue: string) => Promise<T>): Promise<T> {
    const taskQueue = unique('spool-sweep');
    const worker = await Worker.create({
      connection: temporal.connection,
      taskQueue,
      workflowBundle,
      activities: fakes,
    });
    return worker.runUntil(work(taskQueue));
  }

  const sweep = (taskQueue: string, input: Parameters<typeof spoolSweep>[0] = {}) =>
    temporal.client.workflow.execute(spoolSweep, { taskQueue, workflowId: unique('sweep'), args: [input] });

  /** Stores whatever it is asked to, and remembers what was asked. */
  function recorder(waiting: readonly string[]) {
    const asked: unknown[] = [];
    const runs: (readonly string[])[] = [];
    const fakes: Fakes = {
      async findWaiting(input) {
        asked.push(input);
        return waiting.map((id) => ({ id, batches: 2, items: 30, apps: ['shop', 'blog'] }));
      },
      async storeFlushes({ flushIds }) {
        runs.push(flushIds);
        return {
          results: flushIds.map((flushId) => ({ flushId, state: 'stored', stored: 1, expired: 0 })),
          left: [],
        };
      },
    };
    return { asked, runs, fakes };
  }

  it('starts nothing when nothing waits', async () => {
    const { asked, runs, fakes } = recorder([]);
    assert.equal(await withWorker(fakes, (taskQueue) => sweep(taskQueue)), 0);
    assert.deepEqual(asked, [{ olderThanMs: 60_000, limit: 200, replayFailed: false }]);
    assert.deepEqual(runs, []);
  });

  it('starts a run for each ten flushes that wait', async () => {
    const prefix = unique('flush');
    const waiting = Array.from({ length: 23 }, (_, index) => `${prefix}-${String(index).padStart(2, '0')}`);
    const { runs, fakes } = recorder(waiting);
    const found = await withWorker(fakes, async (taskQueue) => {
      const count = await sweep(taskQueue);
      for (const first of [waiting[0], waiting[10], waiting[20]]) {
        const run = temporal.client.workflow.getHandle<typeof batchIngest>(batchIngestId(first ?? ''));
        await run.result();
        const { typedSearchAttributes, memo } = await run.describe();
        assert.equal(typedSearchAttributes.get(SEARCH_ATTRIBUTES.kind), 'batch-ingest');
        assert.deepEqual(typedSearchAttributes.get(SEARCH_ATTRIBUTES.apps), ['shop', 'blog']);
        const flushes = first === waiting[20] ? 3 : 10;
        assert.deepEqual(memo, { batches: 2 * flushes, items: 30 * flushes, flushes });
      }
      return count;
    });
    assert.equal(found, 23);
    const inOrder = runs.toSorted((a, b) => (String(a) < String(b) ? -1 : 1));
    assert.deepEqual(inOrder, [waiting.slice(0, 10), waiting.slice(10, 20), waiting.slice(20)]);
  });

  it('leaves a flush to the run that is at it already, and starts the others', async () => {
    const prefix = unique('flush');
    const waiting = Array.from({ length: 11 }, (_, index) => `${prefix}-${String(index).padStart(2, '0')}`);
    const { runs, fakes } = recorder(waiting);
    await withWorker(fakes, async (taskQueue) => {
      const busy = await temporal.client.workflow.start(batchIngest, {
        // A queue that nobody works on: this run stays at it.
        taskQueue: `${taskQueue}-nobody`,
        workflowId: batchIngestId(waiting[0] ?? ''),
        args: [{ flushIds: [waiting[0] ?? ''] }],
      });
      try {
        assert.equal(await sweep(taskQueue), 11);
        await temporal.client.workflow.getHandle<typeof batchIngest>(batchIngestId(waiting[10] ?? '')).result();
      } finally {
        await busy.terminate();
      }
    });
    assert.deepEqual(runs, [waiting.slice(10)]);
  });

  it('puts what was set aside back in line when ops ask for it', async () => {
    const { asked, fakes } = recorder([]);
    await withWorker(fakes, (taskQueue) => sweep(taskQueue, { replayFailed: true }));
    assert.deepEqual(asked, [{ olderThanMs: 60_000, limit: 200, replayFailed: true }]);
  });
});
