import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Worker, type WorkflowBundleOption } from '@temporalio/worker';
import type { BatchActivities } from '../../activities/batches.js';
import type { WaitingFlushActivities } from '../../activities/waiting-flushes.js';
import { batchIngest, batchIngestId } from '../../workflows/batch-ingest.js';
import { SEARCH_ATTRIBUTES } from '../../workflows/search-attributes.js';
import { spoolSweep } from '../../workflows/spool-sweep.js';
import { testBundle, testTemporal, unique } from '../helper/temporal.js';

type Fakes = Pick<BatchActivities, 'storeFlushes'> & Pick<WaitingFlushActivities, 'findWaiting'>;

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
  function recorder(waiting: readonly string[], failedBefore: readonly string[] = []) {
    const asked: unknown[] = [];
    const runs: (readonly string[])[] = [];
    const fakes: Fakes = {
      async findWaiting(input) {
        asked.push(input);
        const facts = { batches: 2, items: 30, apps: ['shop', 'blog'] };
        return [
          ...waiting.map((id) => ({ id, ...facts })),
          ...failedBefore.map((id) => ({ id, ...facts, failedBefore: true })),
        ];
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

  const usual = { olderThanMs: 60_000, limit: 200, mostFailedBefore: 100, replayFailed: false };

  it('starts nothing when nothing waits', async () => {
    const { asked, runs, fakes } = recorder([]);
    assert.equal(await withWorker(fakes, (taskQueue) => sweep(taskQueue)), 0);
    assert.deepEqual(asked, [usual]);
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
        const from = waiting.indexOf(first ?? '');
        const flushIds = waiting.slice(from, from + 10);
        assert.deepEqual(memo, { batches: 2 * flushes, items: 30 * flushes, flushes, flushIds });
        const { events } = await run.fetchHistory();
        const started = events?.[0]?.workflowExecutionStartedEventAttributes;
        assert.equal(Number(started?.workflowRunTimeout?.seconds), 3 * 3_600, 'it cannot hold its flushes for ever');
      }
      return count;
    });
    assert.equal(found, 23);
    const inOrder = runs.toSorted((a, b) => (String(a) < String(b) ? -1 : 1));
    assert.deepEqual(inOrder, [waiting.slice(0, 10), waiting.slice(10, 20), waiting.slice(20)]);
  });

  it('starts each flush that a run has failed on in a run of its own, which knows it', async () => {
    const [one, two, other, another] = [unique('a'), unique('b'), unique('c'), unique('d')];
    const { runs, fakes } = recorder([one, two], [other, another]);
    await withWorker(fakes, async (taskQueue) => {
      assert.equal(await sweep(taskQueue), 4);
      for (const [first, input] of [
        [one, { flushIds: [one, two] }],
        [other, { flushIds: [other], failedBefore: true }],
        [another, { flushIds: [another], failedBefore: true }],
      ] as const) {
        const run = temporal.client.workflow.getHandle<typeof batchIngest>(batchIngestId(first));
        await run.result();
        const { events } = await run.fetchHistory();
        const payloads = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
        assert.deepEqual(JSON.parse(Buffer.from(payloads[0]?.data ?? []).toString()), input);
      }
    });
    assert.deepEqual(runs.map((run) => run.length).toSorted(), [1, 1, 2]);
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
    assert.deepEqual(asked, [{ ...usual, replayFailed: true }]);
  });
});
