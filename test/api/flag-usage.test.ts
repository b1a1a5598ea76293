import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Client } from '@temporalio/client';
import { ObjectId } from 'mongodb';
import { flagStaleActivities } from '../../activities/flag-stale.js';
import { flagUsage } from '../../api/flags/usage.js';
import { alerts } from '../../db/alerts.js';
import { utcDay } from '../../domain/app.js';
import { DAY_MS } from '../../domain/limits.js';
import { flagUsageRun } from '../../workflows/flag-usage.js';
import { flagLife, type FlagLife } from '../helper/flag-life.js';
import { pick, pickList } from '../helper/pick.js';
import { until } from '../helper/until.js';

const log = { warn: () => undefined };
const today = () => new Date().toISOString().slice(0, 10);

describe('what flags have answered', () => {
  let it_: FlagLife;
  let ask: ReturnType<FlagLife['as']>;
  before(async () => {
    it_ = await flagLife('flag-usage');
    ask = it_.as(it_.owner.token);
    for (const key of ['one', 'two']) await ask('POST', 'flags', { key, type: 'boolean', defaultValue: false });
    await it_.worker();
  });
  after(() => it_.close());

  const counter = (temporal = () => (it_.away.is ? undefined : it_.temporal.client)) =>
    flagUsage({ temporal, log, everyMs: 3_600_000 });
  const usage = async (key: string) => (await ask('GET', `flags/${key}/usage`)).body;
  const counts = () => it_.db.collection('flag_usage').find().sort({ flagKey: 1, answer: 1 }).toArray();
  /** The workflows that were started have counted so many answers of a flag today. */
  const counted = (key: string, count: number) =>
    until(`${String(count)} answers of ${key}`, async () => {
      const [day] = pickList(await usage(key), 'days');
      return day !== undefined && Number(pick(day, 'count')) >= count;
    });

  it('is counted by flag, day and answer: single ones, and sets as often as they are served', async () => {
    const { id } = it_.shop;
    const one = counter();
    for (let n = 0; n < 3; n++) one.count(id, 'one', true);
    one.count(id, 'one', false);
    one.count(new ObjectId(id.toHexString()), 'one', true, 'blue');
    const set = { flags: { one: true, two: false }, reasons: { one: { variant: 'blue' } }, digest: 'd' };
    for (let n = 0; n < 4; n++) one.countSet(id, set);
    one.countSet(id, { flags: { two: false } });
    await one.stop();
    await counted('one', 9);
    await counted('two', 5);

    const body = await usage('one');
    assert.equal(pick(body, 'days', 0, 'day'), today());
    assert.equal(pick(body, 'days', 0, 'count'), 9);
    assert.deepEqual(pickList(body, 'days', 0, 'answers'), [
      { answer: 'blue', isVariant: true, count: 5, share: 5 / 9 },
      { answer: 'true', isVariant: false, count: 3, share: 3 / 9 },
      { answer: 'false', isVariant: false, count: 1, share: 1 / 9 },
    ]);
    assert.equal(String(pick(body, 'lastEvaluatedAt')).slice(0, 10), today());
    assert.equal(pick(await usage('two'), 'days', 0, 'count'), 5);
    assert.equal((await ask('GET', 'flags/three/usage')).status, 404);
  });

  it('is counted by samples where very many different sets are served', async () => {
    const other = await it_.register('busy');
    const many = counter();
    const flags = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`f${String(n)}`, n % 2 === 0]));
    const served = 9_000;
    for (let n = 0; n < served; n++) many.countSet(other.id, { flags, digest: `digest ${String(n)}` });
    await many.stop();
    const days = it_.db.collection('flag_usage');
    await until('the flags', async () => (await days.countDocuments({ appId: other.id })) >= 100);
    const counted = await days.find({ appId: other.id }).toArray();
    assert.equal(counted.length, 100);
    for (const { count } of counted) assert.ok(Math.abs(Number(count) - served) <= 8, String(count));
    await days.deleteMany({ appId: other.id });
  });

  it('is added once, however often a flush comes', async () => {
    const before = await counts();
    const at = new Date().toISOString();
    const input = {
      flushId: 'again',
      at,
      apps: [{ appId: it_.shop.id.toHexString(), counts: [['one', 'true', false, 10]] }],
    } as const;
    await Promise.all([1, 2, 3].map(() => it_.activities.addFlagUsage(input)));
    await it_.activities.addFlagUsage(input);
    const grown = (await counts()).find(({ flagKey, answer }) => flagKey === 'one' && answer === 'true');
    const was = before.find(({ flagKey, answer }) => flagKey === 'one' && answer === 'true');
    assert.equal(Number(grown?.['count']), Number(was?.['count']) + 10);
  });

  it('waits while Temporal is away, and is begun under the same id when an answer was lost', async () => {
    const day = await usage('two');
    const before = Number(pick(day, 'days', 0, 'count'));
    const { client } = it_.temporal;
    const asked: boolean[] = [];
    const start = async (...args: Parameters<typeof client.workflow.start>): Promise<void> => {
      asked.push(true);
      await client.workflow.start(...args);
      if (asked.length === 1) throw new Error('the answer was lost');
    };
    const deaf: Pick<Client, 'withDeadline' | 'workflow'> = {
      withDeadline: (deadline, work) => client.withDeadline(deadline, work),
      workflow: Object.create(client.workflow, { start: { value: start } }) as Client['workflow'],
    };
    const two = flagUsage({ temporal: () => (it_.away.is ? undefined : deaf), log, everyMs: 50 });
    it_.away.is = true;
    two.count(it_.shop.id, 'two', false);
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.deepEqual(asked, []);
    two.count(it_.shop.id, 'two', false);
    it_.away.is = false;
    await until('asked again', () => asked.length >= 2);
    await two.stop();
    await counted('two', before + 2);
    // What is counted twice would be seen by now.
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(Number(pick(await usage('two'), 'days', 0, 'count')), before + 2);
  });

  it('is bounded: flushes are small, and what is more waits for the next', async () => {
    const many = counter();
    for (let flag = 0; flag < 3_000; flag++)
      many.count(it_.shop.id, `flag-${String(flag).padStart(6, '0')}`, 'x'.repeat(90));
    await many.stop();
    const sizes: number[] = [];
    const query = 'WorkflowType = "flagUsage"';
    const counts = it_.db.collection('flag_usage');
    await until('3,000 flags', async () => (await counts.countDocuments({ flagKey: /^flag-/ })) === 3_000);
    for await (const { workflowId } of it_.temporal.client.workflow.list({ query })) {
      const { events } = await it_.temporal.client.workflow.getHandle(workflowId).fetchHistory();
      const [input] = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
      sizes.push(input?.data?.length ?? 0);
    }
    assert.ok(sizes.length >= 4, 'several flushes');
    assert.ok(Math.max(...sizes) < 100_000, `${String(Math.max(...sizes))} bytes`);
    assert.equal(flagUsageRun({ flushId: 'x', at: '', apps: [] }).workflowId, 'flag-usage/x');
  });
});

describe('stale flags', () => {
  let it_: FlagLife;
  let ask: ReturnType<FlagLife['as']>;
  before(async () => {
    it_ = await flagLife('flag-stale');
    ask = it_.as(it_.owner.token);
    const half = [{ value: true, rolloutPercentage: 50 }];
    for (const [key, rules] of [
      ['fresh', half],
      ['settled', []],
      ['unread', half],
      ['expired', half],
    ] as const)
      await ask('POST', 'flags', { key, type: 'boolean', defaultValue: false, rules });
    const old = new Date(Date.now() - 40 * DAY_MS);
    const flags = it_.db.collection('feature_flags');
    await flags.updateMany({ key: { $ne: 'expired' } }, { $set: { createdAt: old, updatedAt: old } });
    await flags.updateOne({ key: 'expired' }, { $set: { expiresAt: new Date(Date.now() - DAY_MS) } });
    const read = (flagKey: string) => ({ appId: it_.shop.id, flagKey, key: 'true', isVariant: false, count: 1 });
    await it_.deps.flagUsage.add('now', ['fresh', 'settled'].map(read), new Date());
    await it_.deps.flagUsage.add('old', [read('unread')], new Date(Date.now() - 35 * DAY_MS));
  });
  after(() => it_.close());

  const stale = async (): Promise<unknown> =>
    Object.fromEntries(
      pickList((await ask('GET', 'flag-stale')).body, 'flags').map((flag) => [
        pick(flag, 'flagKey'),
        pickList(flag, 'reasons').map((each) => pick(each, 'reason')),
      ]),
    );

  it('are listed with why, by what the app says', async () => {
    assert.deepEqual(await stale(), { expired: ['expired'], settled: ['settled'], unread: ['unread'] });
    const unread = pickList((await ask('GET', 'flag-stale')).body, 'flags').at(-1);
    assert.equal(utcDay(Date.parse(String(pick(unread, 'lastEvaluatedAt')))), utcDay(Date.now()) - 35);
    const config = (staleAfterDays: number) =>
      it_.ask(it_.owner.token, 'PATCH', '/v1/apps/shop', { config: { flags: { staleAfterDays } } });
    await config(0);
    assert.deepEqual(await stale(), { expired: ['expired'] });
    await config(30);
  });

  it('are reminded of once for each version and reason, by an alert', async () => {
    const store = alerts(it_.db);
    const { remindStaleFlags } = flagStaleActivities({ ...it_.deps, alerts: store });
    const remind = () => new MockActivityEnvironment().run(remindStaleFlags, { now: new Date().toISOString() });
    assert.deepEqual(await remind(), { apps: 1, stale: 3, reminded: 3 });
    assert.deepEqual(await remind(), { apps: 1, stale: 3, reminded: 0 });
    const [alert] = (await store.waiting(10)).filter(({ flagKey }) => flagKey === 'unread');
    assert.equal(alert?.cause, 'flag_stale');
    assert.equal(alert.facts['why'], 'not evaluated for 35 days');

    const again = new Date(Date.now() - 31 * DAY_MS);
    await it_.db.collection('feature_flags').updateOne({ key: 'settled' }, { $set: { version: 2, updatedAt: again } });
    await ask('POST', 'flags/unread/archive', {});
    assert.deepEqual(await remind(), { apps: 1, stale: 2, reminded: 1 });
  });
});
