import assert from 'node:assert/strict';
import { after, beforeEach, describe, it } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import { flagSetActivities, type RangeInput, type RangeResult } from '../../activities/flag-sets.js';
import { reasonsOf } from '../../db/flag-sets.js';
import { type FlagLab, flagLab } from '../helper/flag-lab.js';

const NOW = '2026-11-02T00:00:00.000Z';
const rollout = (percentage: number) => ({ key: 'checkout', rules: [{ rolloutPercentage: percentage }] });

describe('a pass over flag sets', () => {
  const labs: FlagLab[] = [];
  let lab: FlagLab;
  beforeEach(async () => {
    lab = await flagLab('flag-sets');
    labs.push(lab);
  });
  after(async () => {
    for (const each of labs) await each.close();
  });

  const state = async () => {
    const { version, computed, pass } = (await lab.flagStates.find(lab.appId)) ?? {};
    return { version, computed, pass };
  };

  it('stores a set for each profile and says so', async () => {
    await lab.people(30);
    const version = await lab.define(rollout(50), { key: 'banner', defaultValue: 'none' });
    assert.deepEqual(await lab.activities.readFlagState({ appId: lab.hex }), { app: 'shop', version: 1, computed: 0 });
    assert.deepEqual(await lab.pass(version), { profiles: 30, rewritten: 30, superseded: false });
    assert.deepEqual(await lab.judge(), { right: 30, wrong: [] });
    const { computed, pass } = await state();
    assert.equal(computed, 1);
    assert.deepEqual([pass?.version, pass?.profiles, pass?.rewritten], [1, 30, 30]);
    assert.ok(pass?.endedAt);
    const set = await lab.setOf('user-7');
    assert.deepEqual(Object.keys(set?.flags ?? {}).sort(), ['banner', 'checkout']);
    assert.equal(set?.computedAt.toISOString(), '2026-11-01T00:00:00.000Z', 'by the clock of the workflow');
    assert.equal(await lab.activities.readFlagState({ appId: lab.idOf('other').toHexString() }), null);
  });

  it('rewrites only the sets that change', async () => {
    await lab.people(400);
    await lab.pass(await lab.define(rollout(1)));
    const inside = async () =>
      (await lab.sets.find({ 'flags.checkout': true }).toArray()).map((set) => set.profileId.toHexString());
    const before = await inside();
    const { rewritten, profiles } = await lab.pass(await lab.define(rollout(5)));
    const then = await inside();
    assert.deepEqual([profiles, rewritten], [400, then.length - before.length]);
    assert.ok(rewritten > 5 && rewritten < 40, String(rewritten));
    assert.ok(
      before.every((id) => then.includes(id)),
      'nobody is taken out',
    );
    assert.equal(await lab.sets.countDocuments({ v: 1 }), 400 - rewritten);
    assert.deepEqual(await lab.judge(), { right: 400, wrong: [] });
    // Another description is another version, and nothing to rewrite.
    assert.deepEqual(await lab.pass(await lab.define(rollout(5))), { profiles: 400, rewritten: 0, superseded: false });
    assert.deepEqual(await lab.judge(), { right: 400, wrong: [] });
  });

  it('goes on behind what its last heartbeat says', async () => {
    await lab.people(50);
    const version = await lab.define(rollout(50));
    assert.ok(await lab.activities.beginFlagPass({ appId: lab.hex, version, now: NOW }));
    const all = await lab.flagProfiles.walk({ appId: lab.appId, after: lab.idOf('0'.repeat(24)), upTo: undefined }, 50);
    const next = all.profiles[19]?.profileId.toHexString();
    const environment = new MockActivityEnvironment({ heartbeatDetails: { next, profiles: 20, rewritten: 17 } });
    assert.deepEqual(await lab.range(version, environment), { profiles: 50, rewritten: 47, superseded: false });
    assert.equal(await lab.sets.countDocuments(), 30);
  });

  it('goes through a range in chunks, with a heartbeat behind each', async () => {
    await lab.people(120);
    // A set of these may have more than a hundred kilobytes, so that a transaction takes few of them.
    const large = Array.from({ length: 20 }, (_, n) => ({
      key: `large-${String(n)}`,
      defaultValue: 'x'.repeat(10),
      rules: [{ conditions: [{ attribute: 'plan', operator: 'equals', values: ['huge'] }], value: 'y'.repeat(60_000) }],
    }));
    const version = await lab.define(...large);
    assert.ok(await lab.activities.beginFlagPass({ appId: lab.hex, version, now: NOW }));
    const beats: { next: string; profiles: number }[] = [];
    const environment = new MockActivityEnvironment();
    environment.on('heartbeat', (details: { next: string; profiles: number }) => beats.push(details));
    assert.deepEqual(await lab.range(version, environment), { profiles: 120, rewritten: 120, superseded: false });
    assert.ok(beats.length >= 50, String(beats.length));
    assert.deepEqual(
      [...beats].sort((a, b) => a.profiles - b.profiles),
      beats,
    );
    assert.deepEqual(
      [...beats].sort((a, b) => (a.next < b.next ? -1 : 1)),
      beats,
    );
  });

  it('stops where it is cancelled, and where newer definitions are met', async () => {
    await lab.people(5);
    const old = await lab.define(rollout(10));
    assert.ok(await lab.activities.beginFlagPass({ appId: lab.hex, version: old, now: NOW }));
    const version = await lab.define(rollout(20));
    assert.deepEqual(await lab.range(old), { profiles: 0, rewritten: 0, superseded: true });
    const environment = new MockActivityEnvironment();
    environment.cancel();
    await assert.rejects(lab.range(version, environment));
    assert.equal(await lab.sets.countDocuments(), 0);
  });

  it('stops at its first write once a newer pass has begun', async () => {
    await lab.people(5);
    const old = await lab.define(rollout(10));
    assert.ok(await lab.activities.beginFlagPass({ appId: lab.hex, version: old, now: NOW }));
    // Its definitions are read already, as those of a pass that is under way.
    const { flagDefinitions, flagSetFences } = lab;
    let read = 0;
    const activities = flagSetActivities({
      ...lab,
      flagDefinitions: {
        read: async (appId) => {
          const definitions = await flagDefinitions.read(appId);
          read += 1;
          const version = await lab.define(rollout(90));
          assert.ok(await flagSetFences.raise(appId, version));
          return definitions;
        },
      },
    });
    const input = { appId: lab.hex, version: old, after: null, upTo: null, now: NOW };
    const result = await new MockActivityEnvironment().run(activities.computeFlagRange, input);
    assert.deepEqual([result, read], [{ profiles: 0, rewritten: 0, superseded: true }, 1]);
    assert.equal(await lab.sets.countDocuments(), 0);
    assert.equal(await activities.beginFlagPass({ appId: lab.hex, version: old, now: NOW }), false);
  });

  it('that ends late takes nothing back from a newer one', async () => {
    await lab.people(3);
    const old = await lab.define(rollout(10));
    assert.ok(await lab.activities.beginFlagPass({ appId: lab.hex, version: old, now: NOW }));
    await lab.pass(await lab.define(rollout(20)));
    await lab.activities.endFlagPass({ appId: lab.hex, version: old, profiles: 1, rewritten: 1, now: NOW });
    const { computed, pass } = await state();
    assert.deepEqual([computed, pass?.version, pass?.profiles], [2, 2, 3]);
  });

  it('plans ranges that hold each profile once, the last one without an end', async () => {
    await lab.people(25);
    const version = await lab.define(rollout(10));
    assert.ok(await lab.activities.beginFlagPass({ appId: lab.hex, version, now: NOW }));
    const plan = (after: string | null, many: number) =>
      lab.activities.planFlagRanges({ appId: lab.hex, version, after, size: 10, many, profiles: 4, rewritten: 3 });
    const ends = await plan(null, 5);
    assert.equal(ends.length, 2);
    assert.deepEqual(await plan(null, 1), ends.slice(0, 1));
    assert.deepEqual(await plan(ends[0] ?? '', 1), ends.slice(1));
    assert.deepEqual(await plan(ends[1] ?? '', 1), []);
    const counted = await Promise.all(
      [null, ...ends].map((after, index) =>
        new MockActivityEnvironment().run<[RangeInput], RangeResult, (input: RangeInput) => Promise<RangeResult>>(
          lab.activities.computeFlagRange,
          {
            appId: lab.hex,
            version,
            after,
            upTo: ends[index] ?? null,
            now: NOW,
          },
        ),
      ),
    );
    assert.deepEqual(
      counted.map(({ profiles }) => profiles),
      [10, 10, 5],
    );
    assert.equal(await lab.sets.countDocuments(), 25);
    const { pass } = await state();
    assert.deepEqual([pass?.profiles, pass?.rewritten], [4, 3]);
  });

  it('keeps a set that is too large out of the database, and counts none in its place', async () => {
    await lab.people(2);
    await lab.pass(await lab.define(rollout(100)));
    const large = Array.from({ length: 100 }, (_, n) => ({
      key: `large-${String(n)}`,
      defaultValue: '',
      rules: [{ conditions: [{ attribute: 'plan', operator: 'equals', values: ['free'] }], value: 'x'.repeat(60_000) }],
    }));
    const version = await lab.define(...large);
    assert.deepEqual(await lab.pass(version), { profiles: 2, rewritten: 2, superseded: false });
    assert.deepEqual([(await lab.setOf('user-0'))?.v, (await lab.setOf('user-1'))?.v], [2, 0]);
    assert.deepEqual(await lab.judge(), { right: 1, wrong: [] });
    assert.equal((await lab.range(version)).rewritten, 0, 'and it is not marked again and again');
    await lab.pass(await lab.define(rollout(100)));
    assert.deepEqual(await lab.judge(), { right: 2, wrong: [] });
  });

  it('marks other names that were said before there were sets', async () => {
    await lab.people(3);
    await lab.db
      .collection('profile_aliases')
      .insertOne({ appId: lab.appId, from: lab.idOf('user-0'), to: lab.idOf('user-1'), at: new Date() });
    const version = await lab.define(rollout(100));
    await lab.pass(version);
    assert.deepEqual((await lab.setOf('user-0'))?.aliasOf, lab.idOf('user-1'));
    assert.equal((await lab.range(version)).rewritten, 0);
    assert.deepEqual(await lab.judge(), { right: 2, wrong: [] });
  });

  it('takes over documents of the seed, which say nothing of versions', async () => {
    await lab.people(1);
    const { appId, sets } = lab;
    await sets.insertOne({
      _id: appId,
      appId,
      profileId: lab.idOf('user-0'),
      flags: { old: true },
      computedAt: new Date(0),
    });
    await lab.pass(await lab.define(rollout(100)));
    assert.deepEqual(await lab.judge(), { right: 1, wrong: [] });
    assert.deepEqual((await lab.setOf('user-0'))?.flags, { checkout: true });
  });

  it('stores JSON of any kind as it is', async () => {
    await lab.people(1);
    const value = { $add: [1, -0.5, 1e300], 'a.b': { $literal: null }, '': ['', {}], deep: { deep: { n: 2 ** 53 } } };
    await lab.pass(await lab.define({ key: 'a.b-c/d_e', defaultValue: value }));
    assert.deepEqual((await lab.setOf('user-0'))?.flags, { 'a.b-c/d_e': value });
    await lab.pass(await lab.define({ key: 'a.b-c/d_e', defaultValue: { ...value, more: '$x' } }));
    assert.deepEqual((await lab.setOf('user-0'))?.flags, { 'a.b-c/d_e': { ...value, more: '$x' } });
    assert.deepEqual(await lab.judge(), { right: 1, wrong: [] });
  });

  it('stores of each kind of answer why it is so', async () => {
    await lab.people(40);
    const half = { rolloutPercentage: 50 };
    const variants = ['a', 'b'].map((key) => ({ key, value: `"${key}"`, weight: 1 }));
    const version = await lab.define(
      { key: 'static' },
      { key: 'percentage', rules: [half] },
      { key: 'all', rules: [{ ruleId: 'a "quoted" rule' }] },
      { key: 'variants', defaultValue: '', rules: [{ ruleId: 'dealt', variants, value: '' }] },
      {
        key: '__proto__',
        rules: [{ conditions: [{ attribute: 'plan', operator: 'equals', values: ['pro'] }], ...half }],
      },
    );
    await lab.pass(version);
    assert.deepEqual(await lab.judge(), { right: 40, wrong: [] });
    const told = await lab.sets.find({ appId: lab.appId }).toArray();
    const reasons = new Set(told.flatMap((set) => Object.values(reasonsOf(set)).map(({ reason }) => reason)));
    assert.deepEqual([...reasons].sort(), ['DEFAULT', 'SPLIT', 'TARGETING_MATCH']);
    const dealt = told.map((set) => reasonsOf(set)['variants']);
    assert.deepEqual([...new Set(dealt.map((why) => why?.variant))].sort(), ['a', 'b']);
    assert.ok(dealt.every((why) => (why?.bucket ?? 0) >= 1));
  });

  it('is begun anew where an app is behind and nobody works on it', async () => {
    assert.equal(await lab.activities.wakeFlagSetsBehind(), 0);
    const version = await lab.define(rollout(10));
    assert.equal(await lab.activities.wakeFlagSetsBehind(), 1);
    assert.deepEqual(lab.woken, [lab.hex]);
    await lab.pass(version);
    assert.equal(await lab.activities.wakeFlagSetsBehind(), 0);
  });
});

describe('the nightly look at flag sets', () => {
  let lab: FlagLab;
  beforeEach(async () => {
    lab = await flagLab('flag-drift');
  });
  const look = () => new MockActivityEnvironment().run(lab.activities.checkFlagDrift, { now: NOW });

  it('finds nothing where all is right, and does not judge what does not count', async (t) => {
    t.after(() => lab.close());
    await lab.people(20);
    await lab.pass(await lab.define(rollout(50)));
    await lab.identify('user-3', { plan: 'team' });
    assert.deepEqual(await look(), { apps: 1, looked: 19, repaired: 0 });
    await lab.define(rollout(60));
    assert.deepEqual(await look(), { apps: 1, looked: 0, repaired: 0 });
  });

  it('repairs and counts sets that are not what an evaluation gives', async (t) => {
    t.after(() => lab.close());
    await lab.people(20);
    await lab.pass(await lab.define(rollout(50)));
    await lab.sets.updateOne({ profileId: lab.idOf('user-1') }, { $set: { flags: { checkout: 'neither' } } });
    await lab.sets.updateOne({ profileId: lab.idOf('user-2') }, { $set: { digest: 'other' } });
    assert.equal((await lab.judge()).wrong.length, 2);
    assert.deepEqual(await look(), { apps: 1, looked: 20, repaired: 2 });
    assert.deepEqual(await lab.judge(), { right: 20, wrong: [] });
    assert.deepEqual(await look(), { apps: 1, looked: 20, repaired: 0 });
  });
});
