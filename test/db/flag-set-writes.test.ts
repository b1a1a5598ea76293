import assert from 'node:assert/strict';
import { after, beforeEach, describe, it } from 'node:test';
import { randomInt } from 'node:crypto';
import { flagSetFences } from '../../db/flag-set-fences.js';
import { standingOf } from '../../db/flag-sets.js';
import { type FlagLab, flagLab } from '../helper/flag-lab.js';

const AT = new Date('2026-11-02T00:00:00Z');
const rollout = (percentage: number) => ({ key: 'checkout', rules: [{ rolloutPercentage: percentage }] });
const ofPlan = (plan: string) => ({
  key: 'checkout',
  rules: [{ conditions: [{ attribute: 'plan', operator: 'equals', values: [plan] }] }],
});

describe('stored flag sets', () => {
  const labs: FlagLab[] = [];
  let lab: FlagLab;
  beforeEach(async () => {
    lab = await flagLab('flag-set-writes');
    labs.push(lab);
  });
  after(async () => {
    for (const each of labs) await each.close();
  });

  const back = (externalId: string, { version, write }: Awaited<ReturnType<FlagLab['evaluate']>>) =>
    lab.flagSetWrites.back({
      appId: lab.appId,
      version,
      at: AT,
      writes: [{ ...write, profileId: lab.idOf(externalId) }],
    });

  it('are right at their version, and at a later one only where a pass has left them as they were', () => {
    const at = (v: number | undefined, computed: number) =>
      standingOf(v === undefined ? {} : { v }, { version: 5, computed });
    assert.deepEqual([at(5, 0), at(5, 5), at(3, 5), at(3, 4)], ['right', 'right', 'right', 'stale']);
    assert.deepEqual([at(0, 5), at(undefined, 5), at(6, 4)], ['stale', 'stale', 'newer']);
    assert.equal(standingOf({ v: 5, aliasOf: lab.appId }, { version: 5, computed: 5 }), 'stale');
    assert.equal(standingOf(undefined, { version: 5, computed: 5 }), 'stale');
  });

  it('are written behind an answer, the first one too', async () => {
    await lab.people(2);
    await lab.define(rollout(100));
    assert.equal(await back('user-0', await lab.evaluate('user-0')), 1);
    const first = await lab.setOf('user-0');
    assert.deepEqual([first?.v, first?.profileRev, first?.flags], [1, 0, { checkout: true }]);
    await lab.define(rollout(0));
    assert.equal(await back('user-0', await lab.evaluate('user-0')), 1);
    const second = await lab.setOf('user-0');
    assert.deepEqual([second?.v, second?.profileRev, second?.flags], [2, 0, { checkout: false }]);
    assert.deepEqual(await lab.judge(), { right: 1, wrong: [] });
  });

  it('are not written by a lagging answer once a pass at a newer version has begun', async () => {
    await lab.people(3);
    await lab.define(rollout(100));
    const late = await lab.evaluate('user-0');
    const version = await lab.define(rollout(0));
    assert.ok(await lab.flagSetFences.raise(lab.appId, version));
    assert.equal(await back('user-0', late), undefined);
    assert.equal(await lab.setOf('user-0'), undefined);
    await lab.pass(version);
    assert.equal(await back('user-0', late), undefined);
    assert.deepEqual(await lab.judge(), { right: 3, wrong: [] });
  });

  it('that a pass left as they were are not undone by an answer of the version before', async () => {
    // At 2 the set is what it was at 1; a writer at version 1 that read older attributes must not come after.
    await lab.people(1);
    await lab.define(ofPlan('pro'));
    await lab.pass(1);
    await lab.define(ofPlan('pro'));
    const { write } = await lab.evaluate('user-0');
    await lab.define(ofPlan('team'));
    const third = await lab.pass(3);
    assert.deepEqual(third, { profiles: 1, rewritten: 1, superseded: false });
    assert.equal(await back('user-0', { version: 2, write }), undefined);
    assert.deepEqual((await lab.setOf('user-0'))?.flags, { checkout: false });
    assert.deepEqual(await lab.judge(), { right: 1, wrong: [] });
  });

  it('of a newer version are not overwritten by a pass that missed its end', async () => {
    await lab.people(4);
    const old = await lab.define(rollout(100));
    assert.ok(await lab.activities.beginFlagPass({ appId: lab.hex, version: old, now: AT.toISOString() }));
    const walked = await lab.flagProfiles.walk({ appId: lab.appId, after: lab.appId, upTo: undefined }, 10);
    const stale = await lab.evaluate('user-0');
    await lab.define(rollout(0));
    // Nobody has begun the newer pass yet; an answer is faster.
    assert.equal(await back('user-0', await lab.evaluate('user-0')), 1);
    const missed = { appId: lab.appId, version: old, at: AT, writes: [stale.write] };
    assert.equal(await lab.flagSetWrites.pass(missed), 0, 'there is a set now');
    const known = { ...stale.write, profileRev: 0 };
    assert.equal(await lab.flagSetWrites.pass({ ...missed, writes: [known] }), 0, 'it is of a newer version');
    assert.deepEqual([(await lab.setOf('user-0'))?.v, walked.next], [2, undefined]);
    // And once it has begun, nothing of the older one is taken.
    assert.ok(await lab.flagSetFences.raise(lab.appId, 2));
    assert.equal(
      await lab.flagSetWrites.pass({ ...missed, writes: [(await lab.evaluate('user-1')).write] }),
      undefined,
    );
    assert.equal(await lab.flagSetFences.raise(lab.appId, old), false);
    assert.equal((await lab.pass(old)).superseded, true);
    assert.deepEqual(await lab.judge(), { right: 1, wrong: [] });
  });

  it('are not written with attributes that were changed after they were read', async () => {
    await lab.people(2);
    await lab.define(ofPlan('team'));
    const [first, none] = [await lab.evaluate('user-0'), await lab.evaluate('user-1')];
    assert.equal(await back('user-0', first), 1);
    const again = await lab.evaluate('user-0');
    await lab.identify('user-0', { plan: 'team' });
    await lab.identify('user-1', { plan: 'team' });
    assert.equal(await back('user-0', again), 0);
    assert.equal(await back('user-1', none), 0, 'the change has made a set, so there is none to insert');
    assert.deepEqual(await lab.judge(), { right: 0, wrong: [] });
    await lab.pass(1);
    assert.deepEqual((await lab.setOf('user-0'))?.flags, { checkout: true });
    assert.deepEqual(await lab.judge(), { right: 2, wrong: [] });
  });

  it('that are being written when a pass begins are waited for, and seen by it', async () => {
    await lab.people(1);
    await lab.define(rollout(100));
    await lab.define(rollout(100));
    const fences = flagSetFences(lab.db);
    assert.ok(await fences.raise(lab.appId, 1));
    let raised: boolean | undefined;
    await lab.client.withSession(async (session) => {
      session.startTransaction({ readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority' } });
      assert.equal(await fences.touch(lab.appId, session), 1);
      const { profileId, profileRev } = (await lab.evaluate('user-0')).write;
      assert.equal(profileRev, undefined);
      const raising = fences.raise(lab.appId, 2).then((done) => {
        raised = done;
      });
      await lab.sets.insertOne(
        { _id: lab.appId, profileId, appId: lab.appId, v: 1, profileRev: 0, flags: { wrong: 1 }, computedAt: AT },
        { session },
      );
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.equal(raised, undefined, 'it waits for the writer');
      await session.commitTransaction();
      await raising;
    });
    assert.equal(raised, true);
    await lab.pass(2);
    assert.deepEqual(await lab.judge(), { right: 1, wrong: [] });
    assert.deepEqual((await lab.setOf('user-0'))?.flags, { checkout: true });
  });

  it('that count as right are what an evaluation gives, whoever wrote in whatever order', async () => {
    const ids = await lab.people(12);
    await lab.define(rollout(50));
    const plans = ['pro', 'free', 'team'];
    const late: (() => Promise<unknown>)[] = [];
    const somebody = () => ids[randomInt(ids.length)] ?? '';
    const counts = { backs: 0, refused: 0, passes: 0, superseded: 0 };

    const steps = [
      async () => {
        await lab.identify(somebody(), { plan: plans[randomInt(3)] });
      },
      // Answers, at once or much later.
      async () => {
        const [externalId, evaluated] = await (async (who) => [who, await lab.evaluate(who)] as const)(somebody());
        const store = async () => {
          const written = await back(externalId, evaluated);
          counts[written === undefined ? 'refused' : 'backs'] += 1;
        };
        if (randomInt(2) === 0) await store();
        else late.push(store);
      },
      async () => {
        await late.splice(randomInt(late.length + 1), 1)[0]?.();
      },
      // Passes, which do not know that a newer one has begun, and those that come late.
      async () => {
        const { version = 0 } = (await lab.flagStates.find(lab.appId)) ?? {};
        const { superseded } = await lab.pass(Math.max(1, version - randomInt(2)));
        counts[superseded ? 'superseded' : 'passes'] += 1;
      },
      async () => {
        const { version = 0 } = (await lab.flagStates.find(lab.appId)) ?? {};
        if (await lab.flagSetFences.raise(lab.appId, version)) late.push(() => lab.range(version));
      },
      async () => {
        if (randomInt(6) === 0)
          await lab.define(randomInt(2) === 0 ? rollout(randomInt(101)) : ofPlan(plans[randomInt(3)] ?? ''));
      },
    ];
    let rounds = 0;
    const writer = async () => {
      while (rounds++ < 400) await steps[randomInt(steps.length)]?.();
    };
    await Promise.all(Array.from({ length: 6 }, writer));
    assert.deepEqual((await lab.judge()).wrong, []);
    for (const store of late) await store();
    assert.deepEqual((await lab.judge()).wrong, []);
    const { version = 0 } = (await lab.flagStates.find(lab.appId)) ?? {};
    await lab.pass(version);
    assert.deepEqual(await lab.judge(), { right: ids.length, wrong: [] });
    assert.ok(counts.backs > 10 && counts.refused > 0 && counts.passes > 10, JSON.stringify({ ...counts, version }));
  });
});
