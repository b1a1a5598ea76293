import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { Worker } from '@temporalio/worker';
import { ensureSchedules, type Schedule, SCHEDULES } from '../../worker/schedules.js';
import { retention } from '../../workflows/retention.js';
import { testBundle, testTemporal, unique } from '../helper/temporal.js';
import { until } from '../helper/until.js';

describe('ensureSchedules', () => {
  let temporal: Awaited<ReturnType<typeof testTemporal>>;
  const made: string[] = [];
  before(async () => {
    temporal = await testTemporal();
  });
  afterEach(async () => {
    for (const id of made.splice(0)) await temporal.client.schedule.getHandle(id).delete();
  });
  after(() => temporal.close());

  /** The product's schedule, under an id and on a queue of this test. */
  function ours(change: Partial<Schedule> = {}): Schedule {
    const [first] = SCHEDULES.filter(({ id }) => id === 'retention');
    assert.ok(first !== undefined);
    const id = unique('schedule');
    made.push(id);
    return { ...first, id, taskQueue: id, ...change };
  }
  const described = (id: string) => temporal.client.schedule.getHandle(id).describe();

  it('runs the retention each night at three, one at a time', async () => {
    const schedule = ours();
    await ensureSchedules(temporal.client, [schedule]);
    const { spec, policies, action, info } = await described(schedule.id);
    assert.equal(action.workflowType, 'retention');
    assert.deepEqual(action.args, [{}]);
    assert.equal(policies.overlap, 'SKIP');
    assert.equal(policies.catchupWindow, 3_600_000);
    assert.equal(spec.jitter, 600_000);
    for (const at of info.nextActionTimes.slice(0, 3)) {
      assert.equal(at.getUTCHours(), 3);
      assert.ok(at.getUTCMinutes() <= 10, at.toISOString());
    }
  });

  it('makes it once, however often and by however many workers it is asked', async () => {
    const schedule = ours();
    await Promise.all(Array.from({ length: 4 }, () => ensureSchedules(temporal.client, [schedule])));
    await ensureSchedules(temporal.client, [schedule]);
    assert.equal((await described(schedule.id)).action.workflowType, 'retention');
  });

  it('brings an older one up to date and leaves it paused where ops paused it', async () => {
    const schedule = ours({ spec: { intervals: [{ every: '1 day' }] }, summary: 'As it was' });
    await ensureSchedules(temporal.client, [schedule]);
    await temporal.client.schedule.getHandle(schedule.id).pause('during the move');
    await ensureSchedules(temporal.client, [{ ...schedule, spec: { intervals: [{ every: '2 hours' }] } }]);
    const { spec, state } = await described(schedule.id);
    assert.deepEqual(
      spec.intervals?.map(({ every }) => every),
      [7_200_000],
    );
    assert.equal(spec.calendars?.length ?? 0, 0);
    assert.equal(state.paused, true);
    assert.equal(state.note, 'during the move');
  });

  it('starts the workflow with what it needs', async () => {
    const schedule = ours();
    await ensureSchedules(temporal.client, [schedule]);
    const worker = await Worker.create({
      connection: temporal.connection,
      taskQueue: schedule.id,
      workflowBundle: testBundle(),
      activities: {
        keepRetentionBounds: async () => ({ events: 90, heatmapEvents: 30 }),
        sweepRetention: async () => ({ apps: 2, swept: [] }),
      },
    });
    const result = await worker.runUntil(async () => {
      const handle = temporal.client.schedule.getHandle(schedule.id);
      await handle.trigger();
      const run = await until('the schedule starts it', async () => (await handle.describe()).info.recentActions[0]);
      const { workflowId, firstExecutionRunId } = run.action.workflow;
      assert.ok(workflowId.startsWith(schedule.id));
      return temporal.client.workflow.getHandle<typeof retention>(workflowId, firstExecutionRunId).result();
    });
    assert.equal(result.apps, 2);
  });
});
