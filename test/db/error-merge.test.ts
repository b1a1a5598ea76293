import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ObjectId } from 'mongodb';
import { type GroupLife, groupLife, profileId, profileIds } from '../helper/group-life.js';

const DAY = 86_400_000;

describe('merging error groups', () => {
  let life: GroupLife;
  before(async () => {
    life = await groupLife('error-merge');
  });
  after(() => life.close());

  const merge = (from: { _id: ObjectId }, into: { _id: ObjectId }) =>
    life.done(from._id, { name: 'merge', into: into._id.toHexString() });
  const unmerge = (from: { _id: ObjectId }) => life.done(from._id, { name: 'unmerge' });

  /** What must hold of every group once nothing is on its way, by counting anew. */
  async function checkAll(): Promise<void> {
    for (const group of await life.groups.find().toArray()) {
      const name = `${group.title} ${group._id.toHexString()}`;
      assert.equal(group.profileMove, undefined, name);
      const members = await life.groups.find({ mergedInto: group._id }).toArray();
      const ids = [group._id, ...members.map(({ _id }) => _id)];
      const occurrences = await life.db.collection('errors').countDocuments({ groupId: { $in: ids } });
      const own = await life.db.collection('errors').countDocuments({ groupId: group._id });
      const affected = await life.db.collection('errors').distinct('profileId', { groupId: { $in: ids } });
      assert.equal(group.own.count, own, `own count of ${name}`);
      assert.equal(group.occurrenceCount, occurrences, `count of ${name}`);
      assert.equal(group.affectedProfiles, affected.length, `profiles of ${name}`);
      assert.equal(await life.rows.countDocuments({ groupId: group._id }), affected.length, `rows of ${name}`);
      if (group.mergedInto !== null) {
        assert.equal(members.length, 0, `${name} is merged and stands for others`);
        assert.equal((await life.groups.findOne({ _id: group.mergedInto }))?.mergedInto, null);
      }
    }
  }

  it('adds counts, and profiles once each; later occurrences count for the survivor', async () => {
    const a = await life.occur('a', profileIds(0, 30), { release: '1.0.0' });
    const b = await life.occur('b', profileIds(20, 40), { release: '2.0.0', at: Date.now() - 3 * DAY });
    const { state } = await merge(b, a);
    assert.deepEqual([state.mergedInto, state.merging], [a._id.toHexString(), true]);
    await life.settle(b._id);
    const survivor = await life.group('a');
    assert.deepEqual([survivor.occurrenceCount, survivor.affectedProfiles], [50, 40]);
    assert.deepEqual(survivor.firstSeen, b.firstSeen);
    assert.deepEqual(survivor.releases, ['1.0.0', '2.0.0']);
    await life.occur('b', [profileId(39), profileId(40)]);
    assert.deepEqual([(await life.group('a')).occurrenceCount, (await life.group('a')).affectedProfiles], [52, 41]);
    await checkAll();

    assert.deepEqual(
      (await life.timeline(a._id)).map(({ verb }) => verb),
      ['merged'],
    );
    assert.deepEqual(
      (await life.timeline(b._id)).map(({ verb }) => verb),
      ['merge'],
    );
  });

  it('takes back exactly what it added, and the unmerged group is new', async () => {
    const b = await life.group('b');
    const { state } = await unmerge(b);
    assert.deepEqual([state.status, state.mergedInto, state.occurrenceCount], ['new', null, 22]);
    await life.settle(b._id, (await life.group('a'))._id);
    const survivor = await life.group('a');
    assert.deepEqual([survivor.occurrenceCount, survivor.affectedProfiles, survivor.releases], [30, 30, ['1.0.0']]);
    assert.deepEqual((await life.group('b')).releases, ['2.0.0']);
    await checkAll();
    await life.occur('b', [profileId(1)]);
    assert.equal((await life.group('a')).occurrenceCount, 30, 'nothing merges by itself');
  });

  it('never makes a chain, and gives each one back by itself', async () => {
    const [c, d, e] = [
      await life.occur('c', profileIds(0, 5)),
      await life.occur('d', profileIds(3, 9)),
      await life.occur('e', profileIds(8, 12)),
    ];
    await merge(c, d);
    await merge(d, e);
    await life.settle(c._id, d._id);
    assert.deepEqual((await life.group('c')).mergedInto, e._id);
    assert.deepEqual([(await life.group('e')).occurrenceCount, (await life.group('e')).affectedProfiles], [15, 12]);
    await checkAll();
    await unmerge(d);
    await life.settle(d._id, e._id);
    assert.deepEqual([(await life.group('d')).occurrenceCount, (await life.group('d')).affectedProfiles], [6, 6]);
    assert.deepEqual([(await life.group('e')).occurrenceCount, (await life.group('e')).affectedProfiles], [9, 9]);
    assert.deepEqual((await life.group('c')).mergedInto, e._id);
    await checkAll();
  });

  it('refuses itself, a group of another app and one that is merged, and names the survivor', async () => {
    const [f, g, h] = [
      await life.occur('f', [profileId(1)]),
      await life.occur('g', [profileId(1)]),
      await life.occur('h', [profileId(1)]),
    ];
    assert.equal((await life.refused(f._id, { name: 'merge', into: f._id.toHexString() })).code, 'REQUEST_INVALID');
    const elsewhere = await life.newApp('another');
    await life.groups.insertOne({ ...h, _id: elsewhere, appId: elsewhere });
    assert.equal((await life.refused(f._id, { name: 'merge', into: elsewhere.toHexString() })).code, 'NOT_FOUND');
    await life.groups.deleteOne({ _id: elsewhere });
    await merge(f, g);
    const refused = await life.refused(h._id, { name: 'merge', into: f._id.toHexString() });
    assert.deepEqual([refused.code, refused.survivor], ['TRANSITION_REFUSED', g._id.toHexString()]);
    await life.settle(f._id);
  });

  it('lets one of two have its way who merge A into B and B into A at once', async () => {
    for (let round = 0; round < 5; round++) {
      const [a, b] = [
        await life.occur(`left ${String(round)}`, profileIds(0, 3)),
        await life.occur(`right ${String(round)}`, profileIds(2, 5)),
      ];
      const outcomes = await Promise.all([
        life.verb(a._id, { name: 'merge', into: b._id.toHexString() }),
        life.verb(b._id, { name: 'merge', into: a._id.toHexString() }),
      ]);
      assert.deepEqual(outcomes.map(({ outcome }) => outcome).sort(), ['done', 'refused']);
      await life.settle(a._id, b._id);
    }
    await checkAll();
  });

  it('does not end an ignore by what came along, and does by what comes', async () => {
    const [i, j] = [await life.occur('i', profileIds(0, 3)), await life.occur('j', profileIds(10, 20))];
    await life.done(i._id, { name: 'ignore', occurrences: 2, profiles: 5 });
    await merge(j, i);
    await life.settle(j._id);
    let { status, ignore } = await life.group('i');
    assert.deepEqual([status, ignore?.occurrences, ignore?.profiles], ['ignored', 15, 18]);
    await life.occur('j', [profileId(10)]);
    assert.equal((await life.group('i')).status, 'ignored');
    await life.occur('j', [profileId(10)]);
    assert.equal((await life.group('i')).status, 'new');

    await life.done(i._id, { name: 'ignore', occurrences: 2, profiles: 5 });
    await unmerge(j);
    await life.settle(i._id);
    ({ status, ignore } = await life.group('i'));
    assert.deepEqual([status, ignore?.occurrences, ignore?.profiles], ['ignored', 5, 8]);
  });

  it('judges the survivor by what is merged into it', async () => {
    const [k, l] = [await life.occur('k', [profileId(1)]), await life.occur('l', [profileId(2)])];
    await merge(l, k);
    await life.done(k._id, { name: 'resolve', in: 'now' }, { now: new Date(Date.now() - 1_000) });
    await life.occur('l', [profileId(2)]);
    assert.deepEqual([(await life.group('k')).status, (await life.group('l')).status], ['new', 'new']);
    assert.equal((await life.group('k')).regressionCount, 1);
    await life.settle(l._id);
  });

  it('moves many profiles in steps that may be cut off, run twice, and meet ingest and an unmerge', async () => {
    const [m, n, o] = [
      await life.occur('m', profileIds(0, 1_300)),
      await life.occur('n', profileIds(900, 2_000)),
      await life.occur('o', profileIds(1_900, 2_700)),
    ];
    await merge(n, m);
    await life.errorProfileMoves.step(n._id);
    const ingest = async () => {
      for (let at = 0; at < 12; at++) {
        const name = ['m', 'n', 'o'][at % 3] ?? 'm';
        await life.occur(name, profileIds(at * 230, at * 230 + 60));
      }
    };
    await Promise.all([life.settle(n._id), life.settle(n._id, m._id), ingest(), merge(o, m)]);
    await life.settle(o._id);
    await checkAll();
    await life.errorProfileMoves.step(m._id);
    await Promise.all([unmerge(n), ingest()]);
    await Promise.all([life.settle(n._id, m._id), life.settle(m._id), ingest()]);
    await checkAll();
    // Away again before what it took along has gone back.
    await merge(m, n);
    await life.errorProfileMoves.step(n._id);
    await Promise.all([unmerge(o), ingest()]);
    await life.settle(m._id, n._id, o._id);
    await checkAll();
  });
});
