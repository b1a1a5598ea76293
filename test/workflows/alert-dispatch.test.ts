import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Worker } from '@temporalio/worker';
import type { DeliveryActivities } from '../../activities/alert-deliveries.js';
import type { AlertActivities, OpenedAlerts } from '../../activities/alerts.js';
import { alertDispatch, alertDispatchWake } from '../../workflows/alert-dispatch.js';
import { testBundle, testTemporal, unique } from '../helper/temporal.js';
import { until } from '../helper/until.js';

describe('the dispatch workflow', () => {
  let temporal: Awaited<ReturnType<typeof testTemporal>>;
  before(async () => {
    temporal = await testTemporal();
  });
  after(() => temporal.close());

  /** A dispatch under an id of its own, whose rounds find these. */
  async function dispatching(open: () => OpenedAlerts | Promise<OpenedAlerts>) {
    const attempted: string[] = [];
    const closed: string[] = [];
    const rounds = { opened: 0 };
    const taskQueue = unique('dispatch');
    const worker = await Worker.create({
      connection: temporal.connection,
      taskQueue,
      workflowBundle: testBundle(),
      activities: {
        async openAlerts() {
          rounds.opened++;
          return open();
        },
        async closeAlerts({ alertIds }) {
          closed.push(...alertIds);
        },
        async attemptDelivery({ deliveryId }) {
          attempted.push(deliveryId);
          return 'delivered';
        },
      } satisfies AlertActivities & Pick<DeliveryActivities, 'attemptDelivery'>,
    });
    const wake = () =>
      temporal.client.workflow.signalWithStart(alertDispatch, {
        ...alertDispatchWake,
        workflowId: taskQueue,
        taskQueue,
      });
    /** Until the workflow and all that it has begun is done. */
    const settled = (count: number) => until(`${String(count)} deliveries`, () => attempted.length >= count);
    return { attempted, closed, rounds, worker, wake, settled, taskQueue };
  }

  const nothing: OpenedAlerts = { alertIds: [], deliveries: [], more: false };
  const alertsOf = (prefix: string, count: number, more = false): OpenedAlerts => ({
    alertIds: [`${prefix}-alert`],
    deliveries: Array.from({ length: count }, (_, n) => ({ id: `${prefix}-${String(n)}`, app: 'a' })),
    more,
  });

  it('begins each delivery, closes its alerts, and ends', async () => {
    const prefix = unique('d');
    const { worker, wake, settled, ...it_ } = await dispatching(() => alertsOf(prefix, 3));
    const total = await worker.runUntil(async () => {
      const handle = await wake();
      const result = await handle.result();
      await settled(3);
      return result;
    });
    assert.equal(total, 3);
    assert.deepEqual(
      it_.attempted.sort(),
      alertsOf(prefix, 3).deliveries.map(({ id }) => id),
    );
    assert.deepEqual(it_.closed, [`${prefix}-alert`]);
    assert.equal(it_.rounds.opened, 1);
  });

  it('goes on while there is more, over as many runs as it takes', async () => {
    const prefix = unique('m');
    let left = 25;
    const { worker, wake, settled, rounds, taskQueue } = await dispatching(() =>
      left-- > 0 ? alertsOf(`${prefix}-${String(left)}`, 1, true) : nothing,
    );
    const total = await worker.runUntil(async () => {
      const handle = await wake();
      const result = await handle.result();
      await settled(25);
      return result;
    });
    assert.equal(total, 25, 'counted over all runs');
    assert.equal(rounds.opened, 26);
    const last = await temporal.client.workflow.getHandle(taskQueue).fetchHistory();
    const started = last.events?.[0]?.workflowExecutionStartedEventAttributes;
    assert.ok(started?.continuedExecutionRunId, 'it has continued as new');
  });

  it('looks again when it is woken while it works: what came in between is not forgotten', async () => {
    const prefix = unique('w');
    let release = (): void => undefined;
    const begun = new Promise<void>((resolve) => (release = resolve));
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    let round = 0;
    const { worker, wake, rounds, settled } = await dispatching(async () => {
      if (++round > 1) return alertsOf(prefix, 1);
      release();
      await gate;
      return nothing;
    });
    await worker.runUntil(async () => {
      const handle = await wake();
      await begun;
      await wake();
      go();
      assert.equal(await handle.result(), 1);
      await settled(1);
    });
    assert.equal(rounds.opened, 2);
  });

  it('begins no delivery twice, though it is told of it twice', async () => {
    const prefix = unique('t');
    const { worker, wake, settled, attempted } = await dispatching(() => alertsOf(prefix, 2));
    await worker.runUntil(async () => {
      await (await wake()).result();
      await settled(2);
      await (await wake()).result();
    });
    assert.equal(attempted.length, 2);
  });
});
