import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { ObjectId } from 'mongodb';
import { retentionActivities, type RetentionSweep } from '../../activities/retention.js';
import type { ErrorGroupDayDoc } from '../../db/error-group-days.js';
import type { ErrorGroupDoc } from '../../db/error-groups.js';
import { errorStore } from '../../db/error-store.js';
import type { ErrorDoc } from '../../db/errors.js';
import { releases } from '../../db/releases.js';
import { firstKeptDay } from '../../domain/app.js';
import { DAY_MS } from '../../domain/limits.js';
import { groupedError } from '../helper/error-documents.js';
import { management, type Management } from '../helper/management.js';

const NOW = Date.now();

describe('retention of errors, in an app that keeps them for 10 days and one that keeps them for 90', () => {
  let it_: Management;
  let short: { id: ObjectId };
  let long: { id: ObjectId };
  before(async () => {
    it_ = await management('error-retention');
    short = await it_.register('short', { errors: { retentionDays: 10 } });
    long = await it_.register('long');
    for (const { id } of [short, long]) {
      await add(
        id,
        Array.from({ length: 40 }, (_, age) => ({ group: `g${String(age % 3)}`, age, each: 30 })),
      );
      await add(id, [
        { group: 'old', age: 39, each: 400 },
        { group: 'old', age: 38, each: 300 },
        { group: 'old', age: 1, each: 5 },
      ]);
    }
  });
  after(() => it_.close());

  const errors = () => it_.db.collection<ErrorDoc>('errors');
  const groups = () => it_.db.collection<ErrorGroupDoc>('error_groups');

  /** Through the store that ingest uses, `each` of a group in a flush of their own. */
  async function add(appId: ObjectId, flushes: readonly { group: string; age: number; each: number }[]): Promise<void> {
    const store = errorStore({ db: it_.db, releases: releases(it_.db) });
    for (const { group, age, each } of flushes) {
      const timestampMs = NOW - age * DAY_MS;
      const of = Array.from({ length: each }, () => groupedError(appId, { group, timestampMs }));
      const flush = { appId, errors: of, config: { maxStoredPerGroup: 100 }, now: new Date(NOW) };
      await it_.client.withSession((session) => session.withTransaction(() => store.store(flush, session)));
    }
  }
  const run = (retention = it_.retention): Promise<RetentionSweep> =>
    new MockActivityEnvironment().run(retentionActivities({ retention }).sweepRetention, {
      now: new Date(NOW).toISOString(),
    });
  const totals = async (appId: ObjectId) => {
    const all = await groups().find({ appId }).sort({ fingerprint: 1 }).toArray();
    const days = await it_.db.collection<ErrorGroupDayDoc>('error_group_days').find({ appId }).toArray();
    return {
      groups: all.map(({ occurrenceCount, firstSeen, lastSeen, status }) => ({
        occurrenceCount,
        firstSeen,
        lastSeen,
        status,
      })),
      days: days.reduce((sum, { count }) => sum + count, 0),
    };
  };

  it('deletes the occurrences that are too old, and leaves groups, days and counts as they are', async () => {
    const cutoff = firstKeptDay(NOW, 10) * DAY_MS;
    const before_ = [await totals(short.id), await totals(long.id)];
    const tooOld = await errors().countDocuments({ appId: short.id, timestampMs: { $lt: cutoff } });
    const kept = await errors().countDocuments({ appId: short.id, timestampMs: { $gte: cutoff } });
    const others = await errors().countDocuments({ appId: long.id });
    assert.ok(tooOld > 100 && kept > 10);

    const sweep = await run();
    assert.deepEqual(sweep, { apps: 2, swept: [{ appId: 'short', events: 0, heatmapEvents: 0, errors: tooOld }] });
    assert.equal(await errors().countDocuments({ appId: short.id }), kept);
    assert.equal(await errors().countDocuments({ appId: short.id, timestampMs: { $lt: cutoff } }), 0);
    assert.equal(await errors().countDocuments({ appId: long.id }), others);
    assert.deepEqual([await totals(short.id), await totals(long.id)], before_);
    assert.deepEqual((await run()).swept, []);
  });

  it('lets each group know how many of its newest are left, so that they make room as before', async () => {
    for (const group of await groups().find({ appId: short.id }).toArray()) {
      const newest = await errors().countDocuments({ groupId: group._id, keptAs: 'newest' });
      assert.equal(group.newestKept, newest, group.title);
    }
  });

  it('goes on where it died, beside ingest, and counts each occurrence once', async () => {
    const { id } = await it_.register('dying', { errors: { retentionDays: 1 } });
    for (let group = 0; group < 15; group += 1) await add(id, [{ group: `d${String(group)}`, age: 9, each: 80 }]);
    const stored = await errors().countDocuments({ appId: id });
    assert.ok(stored > 1_000, 'more than two steps');
    let heard: unknown;
    const first = new MockActivityEnvironment();
    first.on('heartbeat', (details: unknown) => (heard = details));
    let steps = 0;
    const dying: typeof it_.retention = {
      ...it_.retention,
      async deleteErrors(...args) {
        if (args[0].equals(id) && (steps += 1) > 2) throw new Error('killed');
        return it_.retention.deleteErrors(...args);
      },
    };
    const input = { now: new Date(NOW).toISOString(), appId: 'dying' };
    await assert.rejects(first.run(retentionActivities({ retention: dying }).sweepRetention, input), /killed/);
    const second = new MockActivityEnvironment({ heartbeatDetails: heard });
    const goingOn: Promise<RetentionSweep> = second.run(retentionActivities(it_).sweepRetention, input);
    const [{ swept }] = await Promise.all([
      goingOn,
      add(
        id,
        Array.from({ length: 5 }, (_, group) => ({ group: `d${String(group)}`, age: 0, each: 3 })),
      ),
    ]);
    assert.deepEqual(swept, [{ appId: 'dying', events: 0, heatmapEvents: 0, errors: stored }]);
    assert.equal(await errors().countDocuments({ appId: id }), 15);
  });
});
