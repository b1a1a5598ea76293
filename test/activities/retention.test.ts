import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import { ObjectId } from 'mongodb';
import { retentionActivities, type RetentionSweep, type SweepRetentionInput } from '../../activities/retention.js';
import { appChanges } from '../../db/app-changes.js';
import { utcDay } from '../../domain/app.js';
import { management, type Management } from '../helper/management.js';

// Of today, since the collections' own TTL goes by the server's clock.
const NOW = new Date().toISOString();
const TODAY = utcDay(Date.parse(NOW));
const input: SweepRetentionInput = { now: NOW };

/** Documents as ingest stores them, `each` of them for every day of the last `days`. */
function series(appId: ObjectId, days: number, each: number) {
  return Array.from({ length: days * each }, (_, index) => {
    const day = TODAY - (index % days);
    const timestamp = new Date(day * 86_400_000 + (index % 86_400) * 1_000);
    const identity = { _id: new ObjectId(), appId, timestamp, timestampMs: timestamp.getTime() };
    return { ...identity, meta: { appId, day }, sessionId: `s${String(index % 7)}` };
  });
}

describe('retention, on two apps that keep for 7 and for 60 days', () => {
  let it_: Management;
  let short: { id: ObjectId; appId: string };
  let long: { id: ObjectId; appId: string };
  before(async () => {
    it_ = await management('retention');
    short = await it_.register('short', { eventRetentionDays: 7, heatmapRetentionDays: 1 });
    long = await it_.register('long', { eventRetentionDays: 60, heatmapRetentionDays: 20 });
    for (const app of [short, long]) {
      await it_.db.collection('events').insertMany(series(app.id, 70, 30));
      await it_.db.collection('heatmap_events').insertMany(series(app.id, 25, 10));
    }
  });
  after(() => it_.close());

  const daysOf = async (collection: string, appId: ObjectId) => {
    const days = await it_.db
      .collection(collection)
      .aggregate<{ _id: number; n: number }>([
        { $match: { appId } },
        { $group: { _id: '$meta.day', n: { $sum: 1 } } },
        { $sort: { _id: 1 } },
      ])
      .toArray();
    return { first: days[0]?._id, count: days.length, each: [...new Set(days.map(({ n }) => n))] };
  };
  async function run(environment = new MockActivityEnvironment(), retention = it_.retention): Promise<RetentionSweep> {
    return environment.run(retentionActivities({ retention }).sweepRetention, input);
  }
  const bound = async (collection: string) => {
    const [info] = await it_.db.listCollections({ name: collection }).toArray();
    return (info as { options?: { expireAfterSeconds?: number } } | undefined)?.options?.expireAfterSeconds;
  };

  it('stops a sweep that is cancelled, before it deletes', async () => {
    const environment = new MockActivityEnvironment();
    environment.cancel();
    await assert.rejects(run(environment));
    assert.equal((await daysOf('events', short.id)).count, 70);
  });

  it('deletes of each app just what it does not keep, and of no other', async () => {
    const heartbeats: unknown[] = [];
    const environment = new MockActivityEnvironment();
    environment.on('heartbeat', (details) => heartbeats.push(details));
    const sweep = await run(environment);
    assert.deepEqual(sweep, {
      apps: 2,
      swept: [
        { appId: 'short', events: 62 * 30, heatmapEvents: 23 * 10, errors: 0 },
        { appId: 'long', events: 9 * 30, heatmapEvents: 4 * 10, errors: 0 },
      ],
    });
    assert.deepEqual(await daysOf('events', short.id), { first: TODAY - 7, count: 8, each: [30] });
    assert.deepEqual(await daysOf('events', long.id), { first: TODAY - 60, count: 61, each: [30] });
    assert.deepEqual(await daysOf('heatmap_events', short.id), { first: TODAY - 1, count: 2, each: [10] });
    assert.deepEqual(await daysOf('heatmap_events', long.id), { first: TODAY - 20, count: 21, each: [10] });
    assert.ok(heartbeats.length > 90);
  });

  it('finds nothing the second time', async () => {
    assert.deepEqual(await run(), { apps: 2, swept: [] });
  });

  it('goes on after a death in the middle, and counts what the first attempt deleted', async () => {
    await it_.db.collection('events').insertMany(series(short.id, 70, 1).filter(({ meta }) => meta.day < TODAY - 7));
    let heard: unknown;
    const first = new MockActivityEnvironment();
    first.on('heartbeat', (details: unknown) => (heard = details));
    let deletions = 0;
    const dying: typeof it_.retention = {
      ...it_.retention,
      async deleteDay(...args) {
        deletions += 1;
        if (deletions > 20) throw new Error('killed');
        return it_.retention.deleteDay(...args);
      },
    };
    await assert.rejects(run(first, dying), /killed/);
    const second = new MockActivityEnvironment({ heartbeatDetails: heard });
    assert.deepEqual((await run(second)).swept, [{ appId: 'short', events: 62, heatmapEvents: 0, errors: 0 }]);
  });

  it('sweeps one app alone when asked', async () => {
    for (const app of [short, long]) await it_.db.collection('events').insertMany(series(app.id, 70, 1).slice(-1));
    const only: SweepRetentionInput = { now: NOW, appId: 'long' };
    const { sweepRetention } = retentionActivities(it_);
    const sweep: RetentionSweep = await new MockActivityEnvironment().run(sweepRetention, only);
    assert.deepEqual(sweep, { apps: 1, swept: [{ appId: 'long', events: 1, heatmapEvents: 0, errors: 0 }] });
    await run();
  });

  it('bounds each collection a day beyond the app that keeps longest, down and up', async () => {
    const keep = () => new MockActivityEnvironment().run(retentionActivities(it_).keepRetentionBounds);
    await it_.db.command({ collMod: 'events', expireAfterSeconds: 999 * 86_400 });
    await it_.db.command({ collMod: 'heatmap_events', expireAfterSeconds: 86_400 });
    assert.deepEqual(await keep(), { events: 60, heatmapEvents: 20 });
    assert.equal(await bound('events'), 61 * 86_400);
    assert.equal(await bound('heatmap_events'), 21 * 86_400);
    assert.deepEqual(await keep(), { events: 60, heatmapEvents: 20 });
  });

  it('has the bound raised before an app keeps longer, looked at again after, and left when one keeps shorter', async () => {
    const app = async () => (await it_.apps.findBySlug('long'))?.config.eventRetentionDays;
    const seen: unknown[] = [];
    const changes = appChanges({
      ...it_,
      retention: {
        async raiseBounds(days) {
          await it_.retention.raiseBounds(days);
          seen.push([await app(), await bound('events')]);
        },
      },
    });
    const actor = { kind: 'system', id: null, name: 'test' } as const;
    await changes.change({ actor, appId: 'long', config: { eventRetentionDays: 400 } });
    await changes.change({ actor, appId: 'long', config: { eventRetentionDays: 5 } });
    assert.deepEqual(seen, [
      [60, 401 * 86_400],
      [400, 401 * 86_400],
      [400, 401 * 86_400],
      [5, 401 * 86_400],
    ]);
  });
});
