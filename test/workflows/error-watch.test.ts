import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Worker } from '@temporalio/worker';
import type { WatchActivities } from '../../activities/error-watch.js';
import { errorWatch } from '../../workflows/error-watch.js';
import { testBundle, testTemporal, unique } from '../helper/temporal.js';

describe('the watch workflow', () => {
  let temporal: Awaited<ReturnType<typeof testTemporal>>;
  before(async () => {
    temporal = await testTemporal();
  });
  after(() => temporal.close());

  async function run(alerts: number) {
    const order: string[] = [];
    const nows: string[] = [];
    let failures = 1;
    const taskQueue = unique('watch');
    const worker = await Worker.create({
      connection: temporal.connection,
      taskQueue,
      workflowBundle: testBundle(),
      activities: {
        async wakeAlerts() {
          order.push('wake');
          return true;
        },
        async watchErrors({ now }) {
          order.push('watch');
          nows.push(now);
          if (failures-- > 0) throw new Error('no server');
          return { groups: 5, alerts };
        },
      } satisfies WatchActivities,
    });
    const options = { taskQueue, workflowId: taskQueue };
    const result = await worker.runUntil(temporal.client.workflow.execute(errorWatch, options));
    return { order, nows, result };
  }

  it('wakes the dispatch for what waits before it judges, and again for what it has found', async () => {
    const { order, nows, result } = await run(2);
    assert.deepEqual(order, ['wake', 'watch', 'watch', 'wake']);
    assert.equal(new Set(nows).size, 1, 'a retry judges as of the same instant');
    assert.deepEqual(result, { groups: 5, alerts: 2 });
  });

  it('wakes nobody for nothing', async () => {
    assert.deepEqual((await run(0)).order, ['wake', 'watch', 'watch']);
  });
});
