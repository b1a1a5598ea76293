import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sessions as releaseSessions } from '../../db/release-sessions.js';
import { utcDay } from '../../domain/app.js';
import type { ErrorVerb } from '../../domain/error-verb.js';
import { type GroupLife, groupLife, profileId } from '../helper/group-life.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Noon, so that the hours of a test lie on one UTC day. */
const NOON = utcDay(Date.now()) * DAY - 12 * HOUR;
const at = (ms: number) => new Date(NOON + ms);

describe('what time does to error groups', () => {
  let life: GroupLife;
  let count = 0;
  before(async () => {
    life = await groupLife('error-timers', { reminderHours: 24, proofOfFixSessions: 10 });
  });
  after(() => life.close());

  const newGroup = (release = '') =>
    life.occur(`group ${String((count += 1))}`, [profileId(1)], { release, now: at(-DAY) });
  const found = async (group: { _id: GroupLife['appId'] }) => {
    const now = await life.groups.findOne({ _id: group._id });
    assert.ok(now);
    return now;
  };
  const due = async (group: { _id: GroupLife['appId'] }, now: Date) => ({
    groupId: group._id,
    statusRev: (await found(group)).statusRev,
    now,
  });

  describe('the end of an ignore', () => {
    const until = (ms: number): ErrorVerb => ({ name: 'ignore', untilMs: NOON + ms });

    it('comes at its date, once, with an alert and a line in the timeline', async () => {
      const group = await newGroup();
      await life.done(group._id, until(HOUR), { now: at(0) });
      assert.equal((await life.errorTimers.plan(group._id, at(1))).ignoreUntilMs, NOON + HOUR);
      const now = await due(group, at(HOUR));
      const both = await Promise.all([life.errorTimers.endIgnore(now), life.errorTimers.endIgnore(now)]);
      assert.deepEqual(both.sort(), [false, true]);
      const { status, ignore, statusRev } = await found(group);
      assert.deepEqual([status, ignore], ['new', null]);
      const alerts = await life.alerts.find({ groupId: group._id, cause: 'snooze_ended' }).toArray();
      assert.deepEqual(
        alerts.map(({ _id, state }) => [_id, state]),
        [[`${group._id.toHexString()}/snooze_ended/${String(statusRev)}`, 'new']],
      );
      const last = (await life.timeline(group._id)).at(-1);
      assert.deepEqual([last?.verb, last?.actor, last?.facts['reason']], ['ignore_ended', null, 'until']);
    });

    it('does nothing after a reopen, after another ignore, or before its date', async () => {
      const group = await newGroup();
      await life.done(group._id, until(HOUR), { now: at(0) });
      const old = await due(group, at(HOUR));
      assert.equal(await life.errorTimers.endIgnore({ ...old, now: at(HOUR - 1) }), false);
      await life.done(group._id, { name: 'reopen' }, { now: at(1) });
      assert.equal(await life.errorTimers.endIgnore(old), false);
      await life.done(group._id, until(9 * HOUR), { now: at(2) });
      assert.equal(await life.errorTimers.endIgnore(old), false);
      assert.equal((await found(group)).status, 'ignored');
    });

    it('meets ingest that ends it by count at the same moment: one alert', async () => {
      const group = await newGroup();
      await life.done(group._id, { name: 'ignore', untilMs: NOON + HOUR, occurrences: 1 }, { now: at(0) });
      const now = await due(group, at(HOUR));
      await Promise.all([
        life.errorTimers.endIgnore(now),
        life.occur(`group ${String(count)}`, [profileId(2)], { now: at(HOUR) }),
      ]);
      const { status, statusRev, occurrenceCount } = await found(group);
      assert.deepEqual([status, statusRev, occurrenceCount], ['new', 2, 2]);
      assert.equal(await life.alerts.countDocuments({ groupId: group._id, cause: 'snooze_ended' }), 1);
    });
  });

  describe('the reminder', () => {
    const assign = async (group: { _id: GroupLife['appId'] }, now: Date) =>
      life.done(group._id, { name: 'assign', assignee: life.actor.toHexString() }, { now });

    it('comes once when nobody acts on an assigned group, and again only after somebody did', async () => {
      const group = await newGroup();
      assert.equal((await life.errorTimers.plan(group._id, at(0))).remindAtMs, null, 'nobody is assigned');
      await assign(group, at(0));
      assert.equal((await life.errorTimers.plan(group._id, at(0))).remindAtMs, NOON + DAY);
      assert.equal(await life.errorTimers.remind(await due(group, at(DAY - 1))), false);
      const now = await due(group, at(DAY));
      assert.deepEqual((await Promise.all([1, 2].map(() => life.errorTimers.remind(now)))).sort(), [false, true]);
      assert.equal((await life.errorTimers.plan(group._id, at(DAY))).remindAtMs, null);
      await life.done(group._id, { name: 'comment', text: 'on it' }, { now: at(DAY + HOUR) });
      assert.equal((await life.errorTimers.plan(group._id, at(DAY + HOUR))).remindAtMs, NOON + 2 * DAY + HOUR);
      const reminded = (await life.timeline(group._id)).filter(({ verb }) => verb === 'reminded');
      assert.deepEqual(
        reminded.map(({ facts }) => facts),
        [{ assignee: life.actor, hours: 24 }],
      );
    });

    it('is not for groups that are resolved, ignored or merged', async () => {
      const planOf = async (verb: ErrorVerb) => {
        const group = await newGroup();
        await assign(group, at(0));
        await life.done(group._id, verb, { now: at(1) });
        const { remindAtMs } = await life.errorTimers.plan(group._id, at(2));
        assert.equal(await life.errorTimers.remind(await due(group, at(9 * DAY))), remindAtMs !== null);
        return remindAtMs;
      };
      assert.equal(await planOf({ name: 'resolve', in: 'now' }), null);
      assert.equal(await planOf({ name: 'ignore' }), null);
      assert.equal(await planOf({ name: 'merge', into: (await newGroup())._id.toHexString() }), null);
      assert.equal(await planOf({ name: 'investigate' }), NOON + 1 + DAY);
    });
  });

  describe('the proof of a fix', () => {
    const declare = (version: string, when: Date) =>
      life.releases.declare({ appId: life.appId, version, by: 'deploy', at: when });
    const sessions = (release: string, began: Date, ok: number, crashed = 0) => {
      const counts = { ok, errored: 0, abnormal: 0, crashed };
      const { appId } = life;
      const counted = { type: 'sessions' as const, appId, release, environment: 'live', at: began, counts };
      return life.client.withSession((session) => releaseSessions(life.db).write([counted], session, began));
    };
    const fixedIn = async (release: string, groupRelease: string) => {
      const group = await newGroup(groupRelease);
      await life.done(group._id, { name: 'resolve', in: 'release', release }, { now: at(0) });
      return group;
    };

    it('wants enough sessions on fixed releases after the resolve, and counts no others', async () => {
      await declare('p@1.0.0', at(-9 * DAY));
      await declare('p@2.0.0', at(-2 * DAY));
      const group = await fixedIn('p@2.0.0', 'p@1.0.0');
      assert.equal((await life.errorTimers.plan(group._id, at(1))).proveSinceMs, NOON);
      await sessions('p@1.0.0', at(DAY), 500);
      await sessions('p@2.0.0', at(0), 500);
      await sessions('p@2.0.0', at(-DAY), 500);
      await sessions('other@9.0.0', at(DAY), 500);
      await sessions('p@2.0.0', at(DAY), 8, 1);
      assert.equal(await life.errorTimers.proveFix(await due(group, at(DAY))), false, 'nine are not ten');
      await declare('p@2.1.0', at(HOUR));
      await sessions('p@2.1.0', at(HOUR), 1);
      const now = await due(group, at(DAY + 1));
      const both = await Promise.all([life.errorTimers.proveFix(now), life.errorTimers.proveFix(now)]);
      assert.deepEqual(both.sort(), [false, true]);
      assert.deepEqual((await found(group)).verifiedAt, at(DAY + 1));
      assert.equal((await life.errorTimers.plan(group._id, at(DAY + 1))).proveSinceMs, null);
      const last = (await life.timeline(group._id)).at(-1);
      assert.deepEqual([last?.verb, last?.facts['sessions']], ['verified', 10]);
    });

    it('fails when a fixed release shows the error, merged groups included', async () => {
      await declare('q@2.0.0', at(-2 * DAY));
      const group = await fixedIn('q@2.0.0', 'q@1.0.0');
      const merged = await newGroup('q@1.0.0');
      await life.done(merged._id, { name: 'merge', into: group._id.toHexString() }, { now: at(0) });
      await life.settle(merged._id);
      await sessions('q@2.0.0', at(DAY), 500);
      // An occurrence that did not reopen it, since it came over before the release was declared.
      await life.groups.updateOne({ _id: group._id }, { $set: { status: 'investigating' } });
      await life.occur(`group ${String(count)}`, [profileId(3)], { release: 'q@2.0.0', now: at(2 * HOUR) });
      await life.groups.updateOne({ _id: group._id }, { $set: { status: 'resolved' } });
      assert.equal(await life.errorTimers.proveFix(await due(group, at(2 * DAY))), false);
    });

    it('is void after a reopen', async () => {
      await declare('r@2.0.0', at(-2 * DAY));
      const group = await fixedIn('r@2.0.0', 'r@1.0.0');
      await sessions('r@2.0.0', at(DAY), 500);
      const old = await due(group, at(DAY));
      await life.done(group._id, { name: 'reopen' }, { now: at(HOUR) });
      assert.equal(await life.errorTimers.proveFix(old), false);
      assert.equal((await found(group)).verifiedAt, null);
    });

    it('is looked for thirty days, and where the app wants it', async () => {
      const group = await fixedIn('s@2.0.0', 's@1.0.0');
      assert.equal((await life.errorTimers.plan(group._id, at(30 * DAY - 1))).proveSinceMs, NOON);
      assert.equal((await life.errorTimers.plan(group._id, at(30 * DAY))).proveSinceMs, null);
    });
  });

  describe('quiet groups', () => {
    it('are resolved where their app wants it, and those that are seen, decided or merged are not', async () => {
      const [quiet, loud, ignored, merged] = [await newGroup(), await newGroup(), await newGroup(), await newGroup()];
      await life.done(ignored._id, { name: 'ignore' }, { now: at(0) });
      await life.done(merged._id, { name: 'merge', into: loud._id.toHexString() }, { now: at(0) });
      await life.settle(merged._id);
      await life.groups.updateMany({ _id: { $nin: [quiet._id, ignored._id] } }, { $set: { lastSeen: at(0) } });
      const later = at(6 * DAY);
      assert.deepEqual(await life.errorAutoResolve.apps(), [], 'off by default');
      await life.db
        .collection('app_registrations')
        .updateOne({ _id: life.appId }, { $set: { 'config.errors.autoResolveDays': 6.5 } });
      const apps = await life.errorAutoResolve.apps();
      assert.deepEqual(apps, [{ id: life.appId, appId: 'shop', days: 6.5 }]);
      const [app] = apps;
      assert.ok(app);
      assert.equal(await life.errorAutoResolve.step(app, later), 1);
      assert.equal(await life.errorAutoResolve.step(app, later), 0);
      const { status, resolution, statusRev } = await found(quiet);
      assert.deepEqual(
        [status, resolution, statusRev],
        ['resolved', { kind: 'now', release: null, at: later, by: null }, 1],
      );
      const last = (await life.timeline(quiet._id)).at(-1);
      assert.deepEqual([last?.verb, last?.actor, last?.facts['quietDays']], ['resolve', null, 6.5]);
      assert.deepEqual([(await found(loud)).status, (await found(ignored)).status], ['new', 'ignored']);
    });
  });
});
