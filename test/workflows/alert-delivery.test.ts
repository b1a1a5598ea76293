import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Context } from '@temporalio/activity';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { Worker } from '@temporalio/worker';
import type { DeliveryActivities } from '../../activities/alert-deliveries.js';
import { alertDelivery, type AlertDeliveryInput } from '../../workflows/alert-delivery.js';
import { testBundle, testTemporal, unique } from '../helper/temporal.js';
import { until } from '../helper/until.js';

const FAST = { initial: 10, maximum: 50, giveUp: 60_000 };

describe('the delivery workflow', () => {
  let temporal: Awaited<ReturnType<typeof testTemporal>>;
  before(async () => {
    temporal = await testTemporal();
  });
  after(() => temporal.close());

  /** Runs it against these, and says which activities were called. */
  async function running(
    attempt: DeliveryActivities['attemptDelivery'],
    more: Partial<AlertDeliveryInput> = { retry: FAST },
  ) {
    const calls: string[] = [];
    const taskQueue = unique('delivery');
    const worker = await Worker.create({
      connection: temporal.connection,
      taskQueue,
      workflowBundle: testBundle(),
      activities: {
        attemptDelivery(input) {
          calls.push(`attempt ${input.deliveryId}`);
          return attempt(input);
        },
        async failDelivery({ reason }) {
          calls.push(`fail: ${reason}`);
        },
        async reopenDelivery() {
          calls.push('reopen');
        },
      } satisfies DeliveryActivities,
    });
    const start = () =>
      temporal.client.workflow.start(alertDelivery, {
        taskQueue,
        workflowId: taskQueue,
        args: [{ deliveryId: 'D', ...more }],
      });
    return { calls, worker, start };
  }

  it('tries until the receiver takes it', async () => {
    let failures = 3;
    const { calls, worker, start } = await running(async () => {
      if (failures-- > 0) throw ApplicationFailure.create({ message: 'answered 503', type: 'UNAVAILABLE' });
      return 'delivered';
    });
    assert.equal(await worker.runUntil(async () => (await start()).result()), 'delivered');
    assert.deepEqual(
      calls,
      Array.from({ length: 4 }, () => 'attempt D'),
    );
  });

  it('gives up in the end, and says why', async () => {
    let failures = 1;
    const { calls, worker, start } = await running(
      async () => {
        if (failures-- > 0) throw ApplicationFailure.create({ message: 'answered 503', type: 'UNAVAILABLE' });
        // Does not answer at all until the worker stops.
        return Context.current().cancelled;
      },
      { retry: { ...FAST, giveUp: 6_000 } },
    );
    assert.equal(await worker.runUntil(async () => (await start()).result()), 'failed');
    // On a machine that is too busy for a second attempt within six seconds, the first may be the only one.
    assert.equal(calls.pop(), 'fail: not taken in time');
    assert.ok(calls.length >= 1 && calls.length <= 2 && calls.every((call) => call === 'attempt D'), calls.join());
  });

  it('tries for a day by default, at most an hour apart', async () => {
    const { worker, start } = await running(async () => 'delivered', {});
    const history = await worker.runUntil(async () => {
      const handle = await start();
      await handle.result();
      return handle.fetchHistory();
    });
    const scheduled = history.events?.find((event) => event.activityTaskScheduledEventAttributes);
    const { scheduleToCloseTimeout, retryPolicy } = scheduled?.activityTaskScheduledEventAttributes ?? {};
    assert.equal(Number(scheduleToCloseTimeout?.seconds), 86_400);
    assert.equal(Number(retryPolicy?.initialInterval?.seconds), 5);
    assert.equal(Number(retryPolicy?.maximumInterval?.seconds), 3_600);
    assert.equal(retryPolicy?.maximumAttempts ?? 0, 0);
  });

  it('puts it back in line first when it is replayed', async () => {
    const { calls, worker, start } = await running(async () => 'failed', { replay: true, retry: FAST });
    assert.equal(await worker.runUntil(async () => (await start()).result()), 'failed');
    assert.deepEqual(calls, ['reopen', 'attempt D']);
  });

  it('does not leave it pending when somebody cancels it', async () => {
    const { calls, worker, start } = await running(
      () => Promise.reject(ApplicationFailure.create({ message: 'answered 503' })),
      { retry: { ...FAST, initial: 60_000, maximum: 60_000, giveUp: 120_000 } },
    );
    await worker.runUntil(async () => {
      const handle = await start();
      await until('an attempt', () => calls.includes('attempt D'));
      await handle.cancel();
      await assert.rejects(handle.result(), WorkflowFailedError);
    });
    assert.deepEqual(calls, ['attempt D', 'fail: cancelled']);
  });
});
