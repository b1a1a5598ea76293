import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import type { AlertDoc } from '../../db/alerts.js';
import type { ErrorActivityDoc } from '../../db/error-activity.js';
import type { ErrorGroupDayDoc } from '../../db/error-group-days.js';
import type { ErrorGroupDoc } from '../../db/error-groups.js';
import { errorStore } from '../../db/error-store.js';
import type { GroupedError } from '../../db/error-tally.js';
import type { ErrorDoc } from '../../db/errors.js';
import { NOBODY } from '../../db/ids.js';
import { releases } from '../../db/releases.js';
import { applySchema } from '../../db/schema.js';
import { testDatabase, type TestDatabase } from '../helper/database.js';
import { fingerprintOf, groupedError } from '../helper/error-documents.js';

const MINUTE = 60_000;
const profile = (n: number): ObjectId => new ObjectId(String(n).padStart(24, 'a'));

describe('storing errors', () => {
  let database: TestDatabase;
  let store: ReturnType<typeof errorStore>;
  const appId = new ObjectId();
  before(async () => {
    database = await testDatabase('error-store');
    await applySchema(database.db);
    store = errorStore({ db: database.db, releases: releases(database.db) });
  });
  after(() => database.close());

  const collection = <T extends object>(name: string) => database.db.collection<T>(name);
  const groups = () => collection<ErrorGroupDoc>('error_groups');
  const groupOf = async (group: string, app = appId): Promise<ErrorGroupDoc> => {
    const found = await groups().findOne({ appId: app, fingerprint: fingerprintOf(group) });
    assert.ok(found, `no group ${group}`);
    return found;
  };

  /** How many alerts it gave rise to. */
  async function add(
    errors: readonly GroupedError[],
    { app = appId, now = new Date(), maxStoredPerGroup = 1_000 } = {},
  ): Promise<number> {
    const stored = await database.client.withSession((session) =>
      session.withTransaction(() => store.store({ appId: app, errors, config: { maxStoredPerGroup }, now }, session), {
        readConcern: { level: 'snapshot' },
        writeConcern: { w: 'majority' },
      }),
    );
    store.committed(stored);
    return stored.alerts;
  }

  it('makes a group of the first occurrence, with an alert, and counts the next into it', async () => {
    const first = groupedError(appId, { group: 'first', profileId: profile(1), release: '1.0.0', environment: 'live' });
    assert.equal(await add([first]), 1);
    assert.equal(await add([groupedError(appId, { group: 'first', profileId: profile(2), release: '1.1.0' })]), 0);
    const group = await groupOf('first');
    assert.deepEqual(
      [group.occurrenceCount, group.own.count, group.affectedProfiles, group.status, group.title],
      [2, 2, 2, 'new', 'first'],
    );
    assert.deepEqual([group.releases, group.environments], [['1.0.0', '1.1.0'], ['live']]);
    const alert = await collection<AlertDoc>('alerts').findOne({ groupId: group._id });
    assert.deepEqual([alert?.cause, alert?.state], ['new_group', 'new']);
    const stored = await collection<ErrorDoc>('errors').find({ groupId: group._id }).sort({ ordinal: 1 }).toArray();
    assert.deepEqual(
      stored.map(({ ordinal, keptAs, groupFingerprint }) => [ordinal, keptAs, groupFingerprint]),
      [1, 2].map((ordinal) => [ordinal, 'first', fingerprintOf('first')]),
    );
  });

  it('counts nobody as no profile, and an error id once however often it comes', async () => {
    const error = groupedError(appId, { group: 'once', profileId: NOBODY });
    await add([error, error]);
    await add([error]);
    const group = await groupOf('once');
    assert.deepEqual([group.occurrenceCount, group.affectedProfiles], [1, 0]);
  });

  it('counts by day, five minutes, release and environment, whatever their names', async () => {
    const midnight = Math.floor(Date.now() / 86_400_000) * 86_400_000;
    const receivedAt = new Date(midnight + 60 * MINUTE);
    const at = (minutes: number, release: string, environment: string) =>
      groupedError(appId, {
        group: 'days',
        timestampMs: midnight + minutes * MINUTE,
        receivedAt,
        release,
        environment,
      });
    await add([at(-1, 'a.b$c%\0', ''), at(4, 'a.b$c%\0', 'x.y'), at(5, '', 'x.y'), at(600, '-', '*')]);
    const { _id } = await groupOf('days');
    const days = await collection<ErrorGroupDayDoc>('error_group_days')
      .find({ groupId: _id })
      .sort({ day: 1 })
      .toArray();
    assert.deepEqual(
      days.map(({ count, times, releases: byRelease, environments }) => ({ count, times, byRelease, environments })),
      [
        { count: 1, times: { 287: 1 }, byRelease: { 'a%2eb%24c%25%00': 1 }, environments: { '-': 1 } },
        {
          count: 3,
          // The last says that it is from the future: it was seen when it was received.
          times: { 0: 1, 1: 1, 12: 1 },
          byRelease: { 'a%2eb%24c%25%00': 1, '-': 1, '%2d': 1 },
          environments: { 'x%2ey': 2, '%2a': 1 },
        },
      ],
    );
  });

  it('remembers a bounded number of releases and counts the others together', async () => {
    const many = Array.from({ length: 130 }, (_, n) =>
      groupedError(appId, { group: 'many', release: `r${String(n)}` }),
    );
    await add(many);
    const group = await groupOf('many');
    assert.equal(group.releases.length, 100);
    const day = await collection<ErrorGroupDayDoc>('error_group_days').findOne({ groupId: group._id });
    assert.ok(day);
    assert.equal(day.releases['*'], 30);
    assert.equal(
      Object.values(day.releases).reduce((sum, n) => sum + n, 0),
      130,
    );
  });

  it('keeps of a large group no more than it may, and its counts exact', async () => {
    for (let flush = 0; flush < 30; flush++) {
      await add(
        Array.from({ length: 50 }, () => groupedError(appId, { group: 'large', profileId: profile(flush) })),
        { maxStoredPerGroup: 80 },
      );
    }
    const group = await groupOf('large');
    assert.deepEqual([group.occurrenceCount, group.affectedProfiles], [1_500, 30]);
    const kept = await collection<ErrorDoc>('errors').find({ groupId: group._id }).sort({ ordinal: 1 }).toArray();
    assert.ok(kept.length <= 80, String(kept.length));
    assert.deepEqual(
      kept.slice(0, 40).map(({ ordinal }) => ordinal),
      Array.from({ length: 40 }, (_, n) => n + 1),
    );
    assert.equal(kept.at(-1)?.ordinal, 1_500);
    const newest = kept.filter(({ keptAs }) => keptAs === 'newest').length;
    assert.equal(group.newestKept, newest);
  });

  it('counts exactly when many flushes come at once for the same groups, profiles and ids', async () => {
    const app = new ObjectId();
    const all = Array.from({ length: 300 }, (_, n) =>
      groupedError(app, { group: `race-${String(n % 7)}`, profileId: n % 5 === 0 ? NOBODY : profile(n % 11) }),
    );
    const flushes = Array.from({ length: 60 }, (_, n) =>
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => all[(n * 5 + i) % 300]),
    );
    const queue = [...flushes, ...flushes].map((flush) => flush.filter((each) => each !== undefined));
    const worker = async (): Promise<void> => {
      for (let flush = queue.shift(); flush; flush = queue.shift()) await add(flush, { app });
    };
    await Promise.all(Array.from({ length: 6 }, worker));

    for (let n = 0; n < 7; n++) {
      const mine = all.filter((_, index) => index % 7 === n);
      const profiles = new Set(mine.map(({ error }) => error.profileId.toHexString()));
      profiles.delete(NOBODY.toHexString());
      const group = await groupOf(`race-${String(n)}`, app);
      assert.deepEqual(
        [group.occurrenceCount, group.own.count, group.affectedProfiles],
        [mine.length, mine.length, profiles.size],
      );
      assert.equal(await collection('errors').countDocuments({ groupId: group._id }), mine.length);
      assert.equal(await collection('error_group_profiles').countDocuments({ groupId: group._id }), profiles.size);
      const days = await collection<ErrorGroupDayDoc>('error_group_days').find({ groupId: group._id }).toArray();
      assert.equal(
        days.reduce((sum, { count }) => sum + count, 0),
        mine.length,
      );
    }
    assert.equal(await collection('alerts').countDocuments({ appId: app }), 7);
  });

  it('counts for the group that stands for a merged one, and for its own', async () => {
    await add([groupedError(appId, { group: 'loser', profileId: profile(1) })]);
    await add([groupedError(appId, { group: 'winner', profileId: profile(2) })]);
    const [loser, winner] = [await groupOf('loser'), await groupOf('winner')];
    await groups().updateOne({ _id: loser._id }, { $set: { mergedInto: winner._id } });
    await add([
      groupedError(appId, { group: 'loser', profileId: profile(2), release: '3' }),
      groupedError(appId, { group: 'loser', profileId: profile(3) }),
      groupedError(appId, { group: 'winner', profileId: profile(3) }),
    ]);
    const [own, standing] = [await groupOf('loser'), await groupOf('winner')];
    assert.deepEqual([own.occurrenceCount, own.own.count, own.affectedProfiles], [3, 3, 3]);
    assert.deepEqual([standing.occurrenceCount, standing.own.count, standing.affectedProfiles], [4, 2, 2]);
    assert.deepEqual(standing.releases, ['3']);
  });

  const resolved = (release: string | null, at: Date) => ({
    status: 'resolved' as const,
    statusRev: 5,
    resolution: { kind: release === null ? ('now' as const) : ('release' as const), release, at, by: null },
  });

  it('reopens a resolved group for a release that has the fix, once, and tells how the two were compared', async () => {
    await releases(database.db).declare({ appId, version: '2.0.0', by: 'deploy', at: new Date() });
    await add([groupedError(appId, { group: 'fixed', release: '1.0.0' })]);
    const { _id } = await groupOf('fixed');
    await groups().updateOne({ _id }, { $set: resolved('2.0.0', new Date()) });

    assert.equal(await add([groupedError(appId, { group: 'fixed', release: '1.9.9' })]), 0);
    assert.equal(await add([groupedError(appId, { group: 'fixed', release: '999.9.9' })]), 0);
    assert.equal(await add([groupedError(appId, { group: 'fixed' })]), 0);
    assert.equal((await groupOf('fixed')).status, 'resolved');

    const again = () => add([groupedError(appId, { group: 'fixed', release: '2.0.0' })]);
    assert.deepEqual([await again(), await again()], [1, 0]);
    const group = await groupOf('fixed');
    assert.deepEqual(
      [group.status, group.statusRev, group.regressionCount, group.resolution, group.regression?.comparedBy],
      ['new', 6, 1, null, 'semver'],
    );
    const alert = await collection<AlertDoc>('alerts').findOne({ groupId: _id, cause: 'regression' });
    assert.equal(alert?._id, `${_id.toHexString()}/regression/1`);
    const noted = await collection<ErrorActivityDoc>('error_activity').findOne({
      groupId: _id,
      requestId: 'regression/1',
    });
    assert.equal(noted?.verb, 'regressed');
  });

  it('ends an ignore at the exact occurrence, profile or count in a window that it waits for', async () => {
    const ignore = { until: null, occurrences: null, profiles: null, window: null };
    for (const [name, until, before, after] of [
      ['occurrences', { ...ignore, occurrences: 4 }, 2, 1],
      ['profiles', { ...ignore, profiles: 4 }, 2, 1],
      ['window', { ...ignore, window: { count: 4, minutes: 60 } }, 2, 1],
    ] as const) {
      let n = 0;
      const next = () => groupedError(appId, { group: `ignored-${name}`, profileId: profile(n++) });
      await add([next()]);
      const { _id } = await groupOf(`ignored-${name}`);
      await groups().updateOne({ _id }, { $set: { status: 'ignored', ignore: until } });
      assert.equal(await add(Array.from({ length: before }, next)), 0, name);
      assert.equal((await groupOf(`ignored-${name}`)).status, 'ignored', name);
      assert.equal(await add(Array.from({ length: after }, next)), 1, name);
      const group = await groupOf(`ignored-${name}`);
      assert.deepEqual([group.status, group.ignore, group.statusRev], ['new', null, 1], name);
    }
  });
});
