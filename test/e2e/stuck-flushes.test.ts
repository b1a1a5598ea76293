import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { WorkflowNotFoundError } from '@temporalio/common';
import { Worker } from '@temporalio/worker';
import { MongoNetworkError } from 'mongodb';
import { batchDeps } from '../../activities/batch-deps.js';
import { batchActivities } from '../../activities/batches.js';
import { waitingFlushActivities } from '../../activities/waiting-flushes.js';
import { lanes } from '../../db/lane.js';
import { spool } from '../../db/spool.js';
import { openFlushes } from '../../worker/open-flushes.js';
import { spoolSweep } from '../../workflows/spool-sweep.js';
import { click, ingest, type Ingest } from '../helper/ingest.js';
import { testBundle, testTemporal, unique } from '../helper/temporal.js';
import { until } from '../helper/until.js';

const STUCK = 300;
const FAILED_BEFORE = 50;
/** The schedule starts one a minute. */
const SWEEPS_IN_TWO_MINUTES = 2;

describe('a flush behind others that fail for ever', () => {
  let world: Ingest;
  let temporal: Awaited<ReturnType<typeof testTemporal>>;
  before(async () => {
    [world, temporal] = await Promise.all([ingest('stuck'), testTemporal()]);
  });
  after(async () => {
    await temporal.close();
    await world.close();
  });

  const taskQueue = unique('stuck-flushes');

  /** As many flushes as requests, oldest first, and all of them too old for anybody to be still at them. */
  async function acknowledge(count: number): Promise<string[]> {
    for (let n = 0; n < count; n++) {
      const { status } = await world.send({ body: { events: [click()], heatmapEvents: [] } });
      assert.equal(status, 202);
    }
    await world.flushes.updateMany({}, [
      { $set: { at: { $dateSubtract: { startDate: '$at', unit: 'minute', amount: 5 } } } },
    ]);
    const inLine = await world.flushes
      .find({ state: 'new' })
      .sort({ at: 1 })
      .project<{ _id: string }>({ _id: 1 })
      .toArray();
    return inLine.map(({ _id }) => _id);
  }

  it('is stored within two minutes of the sweep, and no flush is started twice', async () => {
    const { client, db } = world;
    const inLine = await acknowledge(STUCK + 1);
    assert.equal(inLine.length, STUCK + 1);
    const stuck = inLine.slice(0, STUCK);
    const good = inLine.at(-1) ?? '';

    const tries = new Map<string, number>();
    const real = batchDeps({ client, db, lanes: lanes(client, db), onAlerts: () => undefined });
    const store = spool(db);
    const find: typeof store.find = async (id) => {
      if (id === good) return store.find(id);
      tries.set(id, (tries.get(id) ?? 0) + 1);
      throw new MongoNetworkError('connection reset');
    };
    const runs: (readonly string[])[] = [];
    const batches = batchActivities({ ...real, spool: { ...store, find } });
    const open = openFlushes({ client: temporal.client, log: { warn: () => undefined } });
    const waiting = waitingFlushActivities({ ...real, openFlushes: open });
    const worker = await Worker.create({
      connection: temporal.connection,
      taskQueue,
      workflowBundle: testBundle(),
      activities: {
        ...batches,
        ...waiting,
        storeFlushes: (input: Parameters<typeof batches.storeFlushes>[0]) => {
          runs.push(input.flushIds);
          return batches.storeFlushes(input);
        },
      },
    });
    await waiting.recordFailedRun({
      runId: 'an earlier run',
      left: stuck.slice(0, FAILED_BEFORE).map((flushId) => ({ flushId, reason: 'connection reset' })),
    });

    await worker.runUntil(async () => {
      try {
        let found = 0;
        for (let sweeps = 0; sweeps < SWEEPS_IN_TWO_MINUTES; sweeps++) {
          const workflowId = unique('sweep');
          found += await temporal.client.workflow.execute(spoolSweep, { taskQueue, workflowId, args: [{}] });
          await until('a minute later: each run has begun, and Temporal lists it', async () => {
            if (runs.flat().length < found) return false;
            const listed = new Set(await open());
            return runs.flat().every((flushId) => flushId === good || listed.has(flushId));
          });
        }
        await until('the good one is stored', async () => (await store.find(good))?.state === 'stored');
        assert.deepEqual(runs.flat().toSorted(), inLine.toSorted(), 'and each that is stuck was started once');
        const alone = runs.filter((run) => run.length === 1).flat();
        assert.deepEqual(alone.toSorted(), [...stuck.slice(0, FAILED_BEFORE), good].toSorted());
      } finally {
        await endRuns();
      }
    });
    const states = await world.flushes.distinct('state', { _id: { $in: stuck } });
    assert.deepEqual(states, ['new'], 'those that are stuck stay in the spool');
    assert.deepEqual([...tries.keys()].toSorted(), stuck.toSorted(), 'and each was tried');
  });

  async function endRuns(): Promise<void> {
    const query = `TaskQueue = '${taskQueue}' AND ExecutionStatus = 'Running'`;
    for await (const { workflowId } of temporal.client.workflow.list({ query })) {
      try {
        await temporal.client.workflow.getHandle(workflowId).terminate();
      } catch (error) {
        // For a moment after its end Temporal still lists a run as running.
        if (!(error instanceof WorkflowNotFoundError)) throw error;
      }
    }
  }
});
