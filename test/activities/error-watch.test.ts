import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { ObjectId } from 'mongodb';
import type { WatchedErrors, WatchErrorsInput } from '../../activities/error-watch.js';
import type { ErrorGroupDayDoc } from '../../db/error-group-days.js';
import type { AlertRule } from '../../domain/alert-rules.js';
import { utcDay } from '../../domain/app.js';
import { DAY_MS } from '../../domain/limits.js';
import { alerting, type Alerting } from '../helper/alerting.js';

const MINUTE = 60_000;
const NOON = Date.UTC(2026, 10, 24, 12);

describe('watching errors', () => {
  let it_: Alerting;
  before(async () => {
    it_ = await alerting('error-watch');
  });
  after(() => it_.close());
  afterEach(async () => {
    it_.wakes.dispatch = 0;
    for (const name of ['alerts', 'alert_rules', 'error_groups', 'error_group_days']) {
      await it_.db.collection(name).deleteMany({});
    }
  });

  const rule = (judged: AlertRule, name = 'Too many') =>
    it_.alertRuleChanges.create({ actor: it_.actor, appId: it_.app.id, name, enabled: true, rule: judged });
  const watch = (atMs: number): Promise<WatchedErrors> => {
    const input: WatchErrorsInput = { now: new Date(atMs).toISOString() };
    return new MockActivityEnvironment().run(it_.activities.watchErrors, input);
  };
  const group = (fields = {}) =>
    it_.group({ firstSeen: new Date(NOON - 30 * DAY_MS), lastSeen: new Date(NOON), occurrenceCount: 1000, ...fields });

  /** So many in the five minutes in which that instant lies. */
  async function happened(groupId: ObjectId, atMs: number, count: number): Promise<void> {
    const day = utcDay(atMs);
    const time = String(Math.floor((atMs - day * DAY_MS) / (5 * MINUTE)));
    await it_.db.collection<ErrorGroupDayDoc>('error_group_days').updateOne(
      { _id: `${groupId.toHexString()}/${String(day)}` },
      {
        $inc: { count, [`times.${time}`]: count },
        $setOnInsert: { appId: it_.app.id, groupId, day, releases: {}, environments: {} },
      },
      { upsert: true },
    );
  }
  const alerts = () => it_.alerts.find().sort({ at: 1 }).toArray();

  it('raises an alert for a group with more than the threshold, once in a window', async () => {
    const { _id: ruleId } = await rule({ kind: 'threshold', count: 10, minutes: 15 });
    const [loud, quiet] = [await group(), await group()];
    await happened(loud._id, NOON, 11);
    await happened(quiet._id, NOON, 10);

    assert.deepEqual(await watch(NOON + MINUTE), { groups: 2, alerts: 1 });
    const [alert] = await alerts();
    assert.deepEqual(alert?.groupId, loud._id);
    assert.deepEqual([alert.cause, alert.state], ['threshold', 'new']);
    const facts = { rule: 'Too many', ruleId: ruleId.toHexString(), count: 11, minutes: 15, limit: 10 };
    assert.deepEqual(alert.facts, facts);

    assert.equal((await watch(NOON + MINUTE)).alerts, 0, 'a retry');
    for (const minutes of [2, 3, 14, 15]) {
      await happened(loud._id, NOON + minutes * MINUTE, 11);
      assert.equal((await watch(NOON + minutes * MINUTE)).alerts, 0, `${String(minutes)} minutes later`);
    }
    await it_.groups.updateMany({}, { $set: { lastSeen: new Date(NOON + 17 * MINUTE) } });
    assert.equal((await watch(NOON + 17 * MINUTE)).alerts, 1, 'still, a window later');
  });

  it('raises one alert of a cause, however many rules of it fire', async () => {
    await rule({ kind: 'threshold', count: 10, minutes: 5 });
    await rule({ kind: 'threshold', count: 20, minutes: 1440 });
    await rule({ kind: 'spike', factor: 3, minutes: 10, floor: 20 });
    const loud = await group();
    await happened(loud._id, NOON, 50);
    assert.equal((await watch(NOON + MINUTE)).alerts, 2);
    assert.deepEqual((await alerts()).map(({ cause }) => cause).sort(), ['spike', 'threshold']);
  });

  it('knows what a group usually has, over midnight and a week', async () => {
    await rule({ kind: 'spike', factor: 4, minutes: 60, floor: 20 });
    const [used, calm] = [await group(), await group()];
    for (let hour = 1; hour <= 7 * 24; hour++) await happened(used._id, NOON - hour * 60 * MINUTE, 40);
    for (let day = 1; day <= 7; day++) await happened(calm._id, NOON - day * DAY_MS - 90 * MINUTE, 40);
    await happened(used._id, NOON, 100);
    await happened(calm._id, NOON, 100);
    assert.deepEqual(await watch(NOON + MINUTE), { groups: 2, alerts: 1 });
    const [alert] = await alerts();
    assert.deepEqual(alert?.groupId, calm._id);
    assert.equal(alert.facts['count'], 100);
  });

  it('adds up what is merged into a group, and alerts of the group alone', async () => {
    await rule({ kind: 'threshold', count: 10, minutes: 15 });
    const survivor = await group();
    const merged = await group({ mergedInto: survivor._id });
    await happened(survivor._id, NOON, 6);
    await happened(merged._id, NOON, 5);
    assert.deepEqual(await watch(NOON + MINUTE), { groups: 1, alerts: 1 });
    const [alert] = await alerts();
    assert.deepEqual([alert?.groupId, alert?.facts['count']], [survivor._id, 11]);
  });

  it('leaves alone what is ignored or resolved, what was not seen lately, and apps without rules', async () => {
    const other = await it_.register('without-rules');
    for (const fields of [
      { status: 'ignored' },
      { status: 'resolved' },
      { lastSeen: new Date(NOON - 20 * MINUTE) },
      { appId: other.id },
      { occurrenceCount: 9 },
    ]) {
      await happened((await group(fields))._id, NOON, 100);
    }
    assert.deepEqual(await watch(NOON), { groups: 0, alerts: 0 }, 'no rules at all');
    const { _id: ruleId } = await rule({ kind: 'threshold', count: 10, minutes: 15 });
    assert.deepEqual(await watch(NOON), { groups: 0, alerts: 0 });
    await happened((await group())._id, NOON, 100);
    await it_.alertRuleChanges.change({ actor: it_.actor, appId: it_.app.id, ruleId, enabled: false });
    assert.deepEqual(await watch(NOON), { groups: 0, alerts: 0 }, 'switched off');
  });

  it('judges more groups than it reads at once', async () => {
    await rule({ kind: 'threshold', count: 10, minutes: 15 });
    const all = await Promise.all(Array.from({ length: 450 }, () => group()));
    await Promise.all(all.slice(0, 300).map(({ _id }) => happened(_id, NOON, 11)));
    assert.deepEqual(await watch(NOON + MINUTE), { groups: 450, alerts: 300 });
  });

  it('finds alerts whose wake was lost', async () => {
    assert.equal(await it_.activities.wakeAlerts(), false);
    assert.equal(it_.wakes.dispatch, 0);
    await it_.alert(await group());
    assert.equal(await it_.activities.wakeAlerts(), true);
    assert.equal(it_.wakes.dispatch, 1);
  });
});
