import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import type { RolloutLookDoc } from '../../db/flag-rollouts.js';
import type { RolloutHit } from '../../db/rollout-profiles.js';
import { usage } from '../../db/usage.js';
import { utcDay } from '../../domain/app.js';
import type { RolloutView } from '../../domain/rollout-view.js';
import { PLAN, profileAt, type RolloutLife, rolloutLife } from '../helper/rollout-life.js';

const MINUTE = 60_000;

describe('profiles of a rollout', () => {
  let life: RolloutLife;
  before(async () => {
    life = await rolloutLife('rollout-profiles');
  });
  after(() => life.close());

  const mark = (hits: readonly RolloutHit[]) =>
    life.client.withSession((session) => session.withTransaction(() => life.profiles.mark(hits, session)));
  const someone = (n: number) => profileAt(1, n);
  const served = (
    rolloutId: ObjectId,
    n: number,
    bucket: number,
    { window = 0, unit = String(n), at = new Date() } = {},
  ) => life.profiles.serve([{ rolloutId, window, profileId: someone(n), subject: { bucket, unit }, at }]);

  it('are counted by bucket, those whose conditions hold no more left out', async () => {
    const rolloutId = new ObjectId();
    await served(rolloutId, 1, 7);
    await served(rolloutId, 2, 7);
    await served(rolloutId, 2, 7);
    await served(rolloutId, 3, 100, { window: 1 });
    const counts = await life.profiles.active(rolloutId, 0);
    assert.deepEqual([counts.length, counts[6], counts[99]], [100, 2, 0]);
    await life.profiles.serve([
      { rolloutId, window: 0, profileId: someone(2), subject: null, at: new Date(Date.now() + 1) },
    ]);
    assert.equal((await life.profiles.active(rolloutId, 0))[6], 1);
    const late = { rolloutId, window: 0, profileId: someone(1), subject: null, at: new Date(0) };
    await life.profiles.serve([late]);
    assert.equal((await life.profiles.active(rolloutId, 0))[6], 1, 'what was before the last answer does not count');
  });

  it('meet a metric once a window, in whatever order it is told', async () => {
    const rolloutId = new ObjectId();
    const hit = (n: number, window: number, metric = 0) => ({
      rolloutId,
      window,
      metric,
      profileId: someone(n),
      at: new Date(),
    });
    await mark([hit(1, 1), hit(1, 0), hit(2, 0), hit(2, 0, 1), hit(3, 0)]);
    await mark([hit(1, 0), hit(1, 1)]);
    assert.deepEqual(await life.profiles.hits(rolloutId, 2), [[], []], 'nobody who was never served');
    await served(rolloutId, 1, 7);
    await served(rolloutId, 2, 8);
    const [errors = [], events] = await life.profiles.hits(rolloutId, 2);
    const byBucket = [...errors].sort((a, b) => a.bucket - b.bucket);
    assert.deepEqual(byBucket, [
      { bucket: 7, windows: [0, 1], count: 1 },
      { bucket: 8, windows: [0], count: 1 },
    ]);
    assert.deepEqual(events, [{ bucket: 8, windows: [0], count: 1 }]);
  });

  it('who share what is hashed are one', async () => {
    const rolloutId = new ObjectId();
    for (const n of [1, 2, 3]) await served(rolloutId, n, 7, { unit: 'a company' });
    await mark([1, 2, 3].map((n) => ({ rolloutId, window: n - 1, metric: 0, profileId: someone(n), at: new Date() })));
    assert.deepEqual(await life.profiles.hits(rolloutId, 1), [[{ bucket: 7, windows: [0, 1, 2], count: 1 }]]);
  });

  it('are marked by transactions that meet, each of them', async () => {
    const rolloutId = new ObjectId();
    const hitsOf = (metric: number) =>
      Array.from({ length: 40 }, (_, n) => ({ rolloutId, window: 0, metric, profileId: someone(n), at: new Date() }));
    await Promise.all([
      mark(hitsOf(0)),
      mark([...hitsOf(1)].reverse()),
      mark(hitsOf(2)),
      ...Array.from({ length: 40 }, (_, n) => served(rolloutId, n, 1 + n)),
    ]);
    const found = await life.profiles.hits(rolloutId, 3);
    assert.deepEqual(
      found.map((patterns) => patterns.reduce((sum, { count }) => sum + count, 0)),
      [40, 40, 40],
    );
  });

  describe('when a look counts them', () => {
    async function lookAt(view: RolloutView, at: number): Promise<RolloutLookDoc> {
      const look = await life.flagRolloutLooks.look(new ObjectId(view.rolloutId), new Date(at));
      assert.ok(look);
      return look;
    }
    /** One at 25 %, and then at 100 %. */
    async function begun(): Promise<RolloutView> {
      const steps = [25, 100].map((percent) => ({ percent, holdMinutes: 10 }));
      return life.goOn(await life.open(await life.newFlag(), { plan: { ...PLAN, steps } }));
    }

    it('are judged', async () => {
      const view = await begun();
      await life.people(view, () => ({ profiles: 4, hit: 1 }));
      const fine = await lookAt(view, Date.now());
      assert.deepEqual([fine.harm, fine.hold, fine.percent], [null, null, 25]);
      await life.people(view, (bucket) => (bucket <= 25 ? { profiles: 4, hit: 4 } : { profiles: 4 }));
      const look = await lookAt(view, Date.now());
      assert.deepEqual(look.metrics[0]?.exposed, { profiles: 100, hit: 100 });
      assert.equal(look.harm, 'errors');
    });

    it('at 100 % are held against the control of the step before, for equal times', async () => {
      const view = await begun();
      const start = Date.now();
      // Each is looked at for five minutes: half of what the first step took.
      await life.people(view, (bucket) => ({ profiles: 4, hit: bucket % 10 === 0 ? 1 : 0 }), new Date(start));
      const all = await life.goOn(view, new Date(start + 10 * MINUTE));
      const served = start + 10 * MINUTE;
      assert.equal((await lookAt(all, served + MINUTE)).hold, 'sample', 'nobody has been looked at for long enough');
      await life.people(all, () => ({ profiles: 4, hit: 1 }), new Date(served));
      assert.equal((await lookAt(all, served + 4 * MINUTE)).hold, 'sample');
      const look = await lookAt(all, served + 6 * MINUTE);
      assert.deepEqual([look.hold, look.metrics[0]?.exposed.profiles], [null, 300]);
      assert.deepEqual(look.metrics[0]?.control, { profiles: 300, hit: 8 });
      assert.equal(look.harm, 'errors');
    });

    it('are not believed to be all while what was sent is behind', async () => {
      const view = await begun();
      await life.people(view, () => ({ profiles: 4 }));
      const spool = life.db.collection<{ _id: string }>('ingest_spool');
      const _id = 'late';
      const fields = { state: 'new', at: new Date(Date.now() - 2 * MINUTE), epoch: 0, lanes: {}, batches: [], size: 0 };
      await spool.insertOne({ _id, ...fields, batchKeys: [], skip: [] } as never);
      const look = await lookAt(view, Date.now());
      await spool.deleteOne({ _id });
      assert.equal(look.hold, 'lag');
      assert.equal((await lookAt(view, Date.now())).hold, null);
    });

    it('are not believed to be all once the quota of the day is used up', async () => {
      const view = await begun();
      await life.people(view, () => ({ profiles: 4 }));
      const [now, day] = [Date.now(), utcDay(Date.now())];
      await usage(life.db).add(life.appId, day, 'errors', 1e6);
      const look = await lookAt(view, now);
      await life.db.collection('daily_usage').deleteOne({ appId: life.appId });
      assert.deepEqual([look.hold, look.detail], ['quota', 'errors']);
    });

    it('fail for a guard that is malformed, and for no other', async () => {
      const [bad, good] = [await begun(), await begun()];
      await life.rollouts.updateOne(
        { _id: new ObjectId(bad.rolloutId) },
        { $set: { 'plan.guard.metrics': 'errors' } },
        { bypassDocumentValidation: true },
      );
      await assert.rejects(lookAt(bad, Date.now()));
      await life.people(good, () => ({ profiles: 4 }));
      assert.equal((await lookAt(good, Date.now())).hold, null);
    });
  });
});
