import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import { Worker } from '@temporalio/worker';
import type { RetentionActivities, SweepRetentionInput } from '../../activities/retention.js';
import { retention } from '../../workflows/retention.js';
import { testBundle, testTemporal, unique } from '../helper/temporal.js';

describe('the retention workflow', () => {
  let temporal: Awaited<ReturnType<typeof testTemporal>>;
  before(async () => {
    temporal = await testTemporal();
  });
  after(() => temporal.close());

  async function run(activities: RetentionActivities, input: Parameters<typeof retention>[0] = {}) {
    const taskQueue = unique('retention');
    const worker = await Worker.create({
      connection: temporal.connection,
      taskQueue,
      workflowBundle: testBundle(),
      activities,
    });
    return worker.runUntil(async () => {
      const handle = await temporal.client.workflow.start(retention, {
        taskQueue,
        workflowId: taskQueue,
        args: [input],
      });
      const result = await handle.result();
      const details = await handle.query<{ currentDetails?: string }>('__temporal_workflow_metadata');
      return { result, details: details.currentDetails ?? '', history: await handle.fetchHistory() };
    });
  }

  it('bounds the collections, sweeps as of its own start, and tells ops what went', async () => {
    const order: string[] = [];
    const asked: SweepRetentionInput[] = [];
    let failures = 2;
    const { result, details } = await run(
      {
        async keepRetentionBounds() {
          order.push('bounds');
          return { events: 90, heatmapEvents: null };
        },
        async sweepRetention(input) {
          order.push('sweep');
          asked.push(input);
          if (failures-- > 0) throw ApplicationFailure.create({ message: 'no server', type: 'UNAVAILABLE' });
          return { apps: 3, swept: [{ appId: 'shop', events: 1200, heatmapEvents: 7, errors: 30 }] };
        },
      },
      { appId: 'shop' },
    );
    assert.deepEqual(order, ['bounds', 'sweep', 'sweep', 'sweep']);
    assert.equal(new Set(asked.map(({ now }) => now)).size, 1, 'a retry sweeps as of the same instant');
    assert.ok(Math.abs(Date.parse(asked[0]?.now ?? '') - Date.now()) < 60_000);
    assert.equal(asked[0]?.appId, 'shop');
    assert.deepEqual(result, {
      bounds: { events: 90, heatmapEvents: null },
      apps: 3,
      swept: [{ appId: 'shop', events: 1200, heatmapEvents: 7, errors: 30 }],
    });
    assert.match(details, /3 apps/);
    assert.match(details, /events 90 days, heatmap events unbounded/);
    assert.match(details, /\| shop \| 1200 \| 7 \| 30 \|/);
  });

  it('says so when there was nothing to delete', async () => {
    const { details } = await run({
      keepRetentionBounds: async () => ({ events: 90, heatmapEvents: 30 }),
      sweepRetention: async () => ({ apps: 1, swept: [] }),
    });
    assert.match(details, /Nothing to delete/);
  });
});
