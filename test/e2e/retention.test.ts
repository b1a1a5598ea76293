import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Worker } from '@temporalio/worker';
import { ObjectId } from 'mongodb';
import { retentionActivities } from '../../activities/retention.js';
import { utcDay } from '../../domain/app.js';
import { ensureSchedules, SCHEDULES } from '../../worker/schedules.js';
import type { retention } from '../../workflows/retention.js';
import { management, type Management } from '../helper/management.js';
import { testBundle, testTemporal, unique } from '../helper/temporal.js';
import { until } from '../helper/until.js';

const DAYS = 40;

describe('the nightly retention of two apps that keep for different times', () => {
  let it_: Management;
  let temporal: Awaited<ReturnType<typeof testTemporal>>;
  const id = unique('retention');
  before(async () => {
    [it_, temporal] = await Promise.all([management('retention_e2e'), testTemporal()]);
  });
  after(async () => {
    await temporal.client.schedule.getHandle(id).delete();
    await Promise.all([temporal.close(), it_.close()]);
  });

  async function fill(appId: ObjectId): Promise<void> {
    const today = utcDay(Date.now());
    const docs = Array.from({ length: DAYS }, (_, age) => {
      const timestamp = new Date((today - age) * 86_400_000);
      return { _id: new ObjectId(), timestamp, meta: { appId, day: today - age }, appId, timestampMs: +timestamp };
    });
    await it_.db.collection('events').insertMany(docs);
    await it_.db.collection('heatmap_events').insertMany(docs.filter((_, age) => age < 30));
  }

  it('deletes of each what it does not keep, and says so in its result', async () => {
    const week = await it_.register('week', { eventRetentionDays: 7, heatmapRetentionDays: 3 });
    const month = await it_.register('month', { eventRetentionDays: 30, heatmapRetentionDays: 30 });
    await Promise.all([fill(week.id), fill(month.id)]);
    const worker = await Worker.create({
      connection: temporal.connection,
      taskQueue: id,
      workflowBundle: testBundle(),
      activities: retentionActivities({ retention: it_.retention }),
    });
    const [nightly] = SCHEDULES.filter((each) => each.id === 'retention');
    assert.ok(nightly !== undefined);
    await ensureSchedules(temporal.client, [{ ...nightly, id, taskQueue: id }]);

    const result = await worker.runUntil(async () => {
      const schedule = temporal.client.schedule.getHandle(id);
      await schedule.trigger();
      const run = await until('the schedule starts it', async () => (await schedule.describe()).info.recentActions[0]);
      return temporal.client.workflow.getHandle<typeof retention>(run.action.workflow.workflowId).result();
    });

    assert.deepEqual(result, {
      bounds: { events: 30, heatmapEvents: 30 },
      apps: 2,
      swept: [
        { appId: 'week', events: DAYS - 8, heatmapEvents: 30 - 4, errors: 0 },
        { appId: 'month', events: DAYS - 31, heatmapEvents: 0, errors: 0 },
      ],
    });
    const left = async (collection: string, appId: ObjectId) => it_.db.collection(collection).countDocuments({ appId });
    assert.equal(await left('events', week.id), 8);
    assert.equal(await left('events', month.id), 31);
    assert.equal(await left('heatmap_events', week.id), 4);
    assert.equal(await left('heatmap_events', month.id), 30);
  });
});
