import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { profileIdOf } from '../../db/ids.js';
import type { RolloutProfileDoc } from '../../db/rollout-profiles.js';
import { bucketOf } from '../../domain/bucketing.js';
import type { RolloutView } from '../../domain/rollout-view.js';
import { click, ingest, type Ingest } from '../helper/ingest.js';
import { rolloutWorld } from '../helper/rollout-life.js';
import { until } from '../helper/until.js';

const PRO = { attribute: 'plan', operator: 'equals', values: ['pro'] };

describe('whom the guard of a rollout counts', () => {
  let shop: Ingest;
  let life: Awaited<ReturnType<typeof rolloutWorld>>;
  let view: RolloutView;
  before(async () => {
    shop = await ingest('rollout-counting', {}, { errors: { maxStoredPerGroup: 10 } as never });
    life = await rolloutWorld({ ...shop, appId: shop.shop.app.id });
    const key = await life.newFlag({ conditions: [PRO] });
    const plan = {
      steps: [
        { percent: 25, holdMinutes: 60 },
        { percent: 50, holdMinutes: 60 },
      ],
      guard: {
        metrics: [{ kind: 'errors' }, { kind: 'event', name: 'checkout_failed', harm: 'more' }],
        alpha: 0.05,
        minProfiles: 20,
      },
    } as const;
    view = await life.goOn(await life.open(key, { plan }));
    // The API process hears of rollouts by looking each second, from its first answer on.
    await serve('nobody', {});
    await until('a row of the next window', async () => {
      await serve(`scout-${randomUUID()}`, { plan: 'pro' });
      return (await life.rows.countDocuments({})) > 0;
    });
  });
  after(() => shop.close());

  const serve = (targetingKey: string, attributes: object, flagKey?: string) =>
    shop.send({
      url: `/ofrep/v1/evaluate/flags${flagKey === undefined ? '' : `/${flagKey}`}`,
      body: { context: { targetingKey, ...attributes } },
    });
  const rowId = (name: string) => `${view.rolloutId}/${profileIdOf(life.appId, name).toHexString()}`;
  const rowOf = (name: string) => life.rows.findOne({ _id: rowId(name) });
  const error = (profileId: string, message = 'it broke') => ({
    errorId: randomUUID(),
    profileId,
    sessionId: 's',
    timestampMs: Date.now(),
    errorType: 'runtime',
    message,
  });
  const fail = async (...profiles: string[]) => {
    const { status } = await shop.send({ url: '/v1/errors', body: { errors: profiles.map((each) => error(each)) } });
    assert.equal(status, 202);
    await shop.storeAll();
  };
  const noted = async (name: string): Promise<RolloutProfileDoc> => {
    await until(`what ${name} matched`, async () => (await rowOf(name))?.matched !== undefined);
    const row = await rowOf(name);
    assert.ok(row);
    return row;
  };

  it('is who is served while the conditions hold, with their bucket', async () => {
    await serve('ada', { plan: 'pro' });
    const row = await noted('ada');
    assert.deepEqual([row.bucket, row.matched, row.windows], [bucketOf(view.flagKey, 'ada'), true, [0]]);
  });

  it('is nobody for whom they do not hold, and nobody who asked for another flag', async () => {
    const other = await life.newFlag();
    await serve('free', { plan: 'free' });
    await serve('elsewhere', { plan: 'pro' }, other);
    await serve('after', { plan: 'pro' }, view.flagKey);
    await noted('after');
    assert.equal(await rowOf('free'), null);
    assert.equal(await rowOf('elsewhere'), null);
  });

  it('is known by stored attributes where none are given', async () => {
    await shop.send({
      url: '/v1/batch',
      body: { batch: [{ type: 'identify', userId: 'stored', traits: { plan: 'pro' }, messageId: randomUUID() }] },
    });
    await shop.storeAll();
    await serve('stored', {});
    assert.equal((await noted('stored')).bucket, bucketOf(view.flagKey, 'stored'));
  });

  it('is marked by errors, also those that are stored before the answer is noted', async () => {
    await fail('early');
    assert.equal((await rowOf('early'))?.bucket, undefined);
    await serve('early', { plan: 'pro' });
    assert.deepEqual(Object.keys((await noted('early')).hits ?? {}), ['m0w0']);
  });

  it('is marked by an error that is not kept, since its group is full', async () => {
    const names = Array.from({ length: 40 }, (_, index) => `many-${String(index)}`);
    await fail(...names);
    assert.ok((await shop.db.collection('errors').countDocuments({})) < 30);
    const marked = await life.rows.countDocuments({ _id: { $in: names.map(rowId) }, hit: true });
    assert.equal(marked, 40);
  });

  it('is marked once, whatever comes again, and by events of the name alone', async () => {
    await serve('bob', { plan: 'pro' });
    await fail('bob', 'bob');
    await fail('bob');
    const events = [click({ profileId: 'bob', eventType: 'checkout_failed' }), click({ profileId: 'ada' })];
    await shop.send({ body: { events } });
    await shop.storeAll();
    assert.deepEqual(Object.keys((await noted('bob')).hits ?? {}).sort(), ['m0w0', 'm1w0']);
    assert.equal((await noted('ada')).hits, undefined);
  });

  it('costs apps without a rollout nothing', async () => {
    const before = await life.rows.countDocuments({});
    const other = await shop.register('other');
    await shop.send({ url: '/v1/errors', key: other.key, body: { errors: [error('zoe')] } });
    await shop.storeAll();
    assert.equal(await life.rows.countDocuments({}), before);
  });

  it('is compared by bucket and percentage at that time', async () => {
    const at = new Date();
    await life.people(view, (bucket) => ({ profiles: 10, hit: bucket <= 25 ? 4 : 1, metric: 1 }), at);
    const look = await life.flagRolloutLooks.look(new ObjectId(view.rolloutId), at);
    const failed = look?.metrics.find(({ name }) => name === 'checkout_failed');
    assert.ok(failed && failed.exposed.profiles >= 250 && failed.exposed.profiles < 300);
    assert.ok(failed.exposed.hit >= 100 && failed.control.hit >= 75);
    assert.equal(look?.harm, 'checkout_failed');
  });

  it('is told apart by windows: what is met at 50 % says nothing of 25 %', async () => {
    const next = await life.goOn(view);
    await until('a row of the next window', async () => {
      await serve(`scout-${randomUUID()}`, { plan: 'pro' });
      return (await life.rows.countDocuments({ windows: 1 })) > 0;
    });
    await serve('ada', { plan: 'pro' });
    await until('another window', async () => (await rowOf('ada'))?.windows.includes(1) === true);
    await new Promise((resolve) => setTimeout(resolve, 2_100)); // what a worker knows of rollouts is two seconds old
    await fail('ada');
    assert.deepEqual(Object.keys((await noted('ada')).hits ?? {}), ['m0w1']);
    assert.deepEqual((await noted('ada')).windows, [0, 1]);
    const look = await life.flagRolloutLooks.look(new ObjectId(next.rolloutId), new Date());
    assert.equal(look?.window, 1);
    assert.equal(look.hold, 'sample');
  });

  it('is nobody any more once the conditions hold no longer', async () => {
    await life.profiles.serve([
      {
        rolloutId: new ObjectId(view.rolloutId),
        window: 1,
        profileId: profileIdOf(life.appId, 'ada'),
        subject: null,
        at: new Date(),
      },
    ]);
    assert.equal((await rowOf('ada'))?.matched, false);
  });
});
