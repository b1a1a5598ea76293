import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { ERROR_STATUSES, type ErrorState, TRANSITIONS } from '../../domain/error-status.js';
import { ERROR_VERBS, type ErrorVerb, type ErrorVerbName } from '../../domain/error-verb.js';
import { type GroupLife, groupLife, profileId, profileIds } from '../helper/group-life.js';

const RESOLVE: ErrorVerb = { name: 'resolve', in: 'now' };
const IGNORE: ErrorVerb = { name: 'ignore' };
const REOPEN: ErrorVerb = { name: 'reopen' };

describe('verbs on an error group', () => {
  let life: GroupLife;
  let count = 0;
  before(async () => {
    life = await groupLife('error-verbs');
  });
  after(() => life.close());

  const newGroup = () => life.occur(`group ${String((count += 1))}`, [profileId(1)]);

  async function inState(state: ErrorState) {
    const { _id, fingerprint } = await newGroup();
    if (state === 'investigating') await life.done(_id, { name: 'investigate' });
    if (state === 'resolved') await life.done(_id, RESOLVE);
    if (state === 'ignored') await life.done(_id, IGNORE);
    if (state === 'merged') await life.done(_id, { name: 'merge', into: (await newGroup())._id.toHexString() });
    const group = await life.groups.findOne({ fingerprint });
    assert.ok(group);
    return group;
  }

  const verbOf = async (name: ErrorVerbName): Promise<ErrorVerb> => {
    if (name === 'assign') return { name, assignee: life.actor.toHexString() };
    if (name === 'comment') return { name, text: 'Seen it' };
    if (name === 'resolve') return RESOLVE;
    if (name === 'merge') return { name, into: (await newGroup())._id.toHexString() };
    return { name };
  };

  for (const name of ERROR_VERBS) {
    for (const state of [...ERROR_STATUSES, 'merged'] as const) {
      const transition = TRANSITIONS[name][state];
      it(`${name} a ${state} group: ${transition}`, async () => {
        const group = await inState(state);
        const outcome = await life.verb(group._id, await verbOf(name));
        const after = await life.groups.findOne({ _id: group._id });
        assert.ok(after);
        const rows = (await life.timeline(group._id)).filter(({ verb, at }) => verb === name && at >= group.firstSeen);
        if (transition === 'refused') {
          assert.ok(outcome.outcome === 'refused' && outcome.code === 'TRANSITION_REFUSED', JSON.stringify(outcome));
          assert.equal(outcome.survivor, group.mergedInto?.toHexString() ?? null);
          assert.deepEqual(after, group, 'nothing is written');
          return;
        }
        assert.ok(outcome.outcome === 'done', JSON.stringify(outcome));
        assert.equal(outcome.changed, transition !== 'unchanged');
        assert.equal(rows.length >= 1, true, 'the timeline tells of it');
        assert.equal(outcome.state.status, after.status);
        assert.equal(outcome.state.statusRev, after.statusRev);
        if (transition === 'unchanged') assert.deepEqual(after, group);
        else if (transition === 'stays') assert.equal(after.status, group.status);
        else assert.equal(after.status, transition);
        const bumps = !['unchanged', 'stays'].includes(transition) || name === 'merge';
        assert.equal(after.statusRev, group.statusRev + (bumps ? 1 : 0));
      });
    }
  }

  it('keeps what somebody resolved it by, and nothing of it after a reopen', async () => {
    const { _id } = await newGroup();
    await life.releases.declare({ appId: life.appId, version: '2.0.0', by: 'deploy', at: new Date() });
    const now = new Date();
    const inRelease = await life.done(_id, { name: 'resolve', in: 'release', release: '2.1.0' }, { now });
    const by = life.actor.toHexString();
    assert.deepEqual(inRelease.state.resolution, { kind: 'release', release: '2.1.0', at: now.toISOString(), by });
    const reopened = await life.done(_id, REOPEN);
    assert.deepEqual([reopened.state.resolution, reopened.state.status], [null, 'new']);
    const next = await life.done(_id, { name: 'resolve', in: 'next_release' });
    assert.deepEqual([next.state.resolution?.kind, next.state.resolution?.release], ['next_release', '2.0.0']);
  });

  it('remembers as highest release one of the package that it was seen in', async () => {
    const version = (text: string) => ({ appId: life.appId, version: text, by: 'deploy' as const, at: new Date() });
    await life.releases.declare(version('web@9.0.0'));
    await life.releases.declare(version('api@1.0.0'));
    const { _id } = await life.occur('of the api', [profileId(1)], { release: 'api@0.9.0' });
    const { state } = await life.done(_id, { name: 'resolve', in: 'next_release' });
    assert.equal(state.resolution?.release, 'api@1.0.0');
  });

  it('turns "N more" into absolute counts of that moment', async () => {
    const { _id } = await life.occur('noisy', profileIds(1, 8));
    const window = { count: 3, minutes: 10 };
    const untilMs = Date.now() + 60_000;
    const { state } = await life.done(_id, { name: 'ignore', occurrences: 5, profiles: 2, window, untilMs });
    assert.deepEqual(state.ignore, {
      until: new Date(untilMs).toISOString(),
      occurrences: 12,
      profiles: 9,
      window,
    });
    const resolved = await life.done(_id, RESOLVE);
    assert.equal(resolved.state.ignore, null, 'resolving ends an ignore');
  });

  it('refuses an ignore that ends before it begins', async () => {
    const { _id } = await newGroup();
    const past = await life.refused(_id, { name: 'ignore', untilMs: Date.now() - 1 });
    assert.equal(past.code, 'REQUEST_INVALID');
  });

  it('assigns members of the app and nobody else', async () => {
    const { _id } = await newGroup();
    const viewer = await life.person('viewer');
    const assigned = await life.done(_id, { name: 'assign', assignee: viewer.toHexString() });
    assert.equal(assigned.state.assignee, viewer.toHexString());
    const again = await life.done(_id, { name: 'assign', assignee: viewer.toHexString() });
    assert.equal(again.changed, false);
    for (const stranger of [new ObjectId(), await life.person(undefined)]) {
      const outcome = await life.refused(_id, { name: 'assign', assignee: stranger.toHexString() });
      assert.equal(outcome.code, 'REQUEST_INVALID');
    }
    assert.equal((await life.done(_id, { name: 'assign', assignee: null })).state.assignee, null);
  });

  it('keeps the newest comments with the group and all of them in the timeline', async () => {
    const { _id } = await newGroup();
    const old = Array.from({ length: 500 }, (_, n) => ({
      authorId: life.actor,
      text: String(n),
      createdAt: new Date(),
    }));
    await life.groups.updateOne({ _id }, { $set: { comments: old } });
    await life.done(_id, { name: 'comment', text: 'the last word' });
    const group = await life.groups.findOne({ _id });
    assert.deepEqual(
      [group?.comments.length, group?.comments[0]?.text, group?.comments.at(-1)?.text],
      [500, '1', 'the last word'],
    );
    assert.deepEqual(
      (await life.timeline(_id)).map(({ facts }) => facts),
      [{ text: 'the last word' }],
    );
  });

  for (const role of ['reviewer', 'viewer', undefined] as const) {
    it(`lets nobody act who is ${role ?? 'no member'}`, async () => {
      const { _id } = await newGroup();
      const by = await life.person(role);
      for (const name of ERROR_VERBS) {
        assert.equal((await life.refused(_id, await verbOf(name), { by })).code, 'FORBIDDEN');
      }
      assert.equal((await life.timeline(_id)).length, 0);
    });
  }

  it('lets nobody act by a role in another app, or once revoked', async () => {
    const { _id } = await newGroup();
    const elsewhere = await life.person('owner', await life.newApp('elsewhere'));
    assert.equal((await life.refused(_id, RESOLVE, { by: elsewhere })).code, 'FORBIDDEN');
    const revoked = await life.person('owner');
    await life.db.collection('members').updateOne({ _id: revoked }, { $set: { revokedAt: new Date() } });
    assert.equal((await life.refused(_id, RESOLVE, { by: revoked })).code, 'FORBIDDEN');
    assert.equal((await life.refused(new ObjectId(), RESOLVE)).code, 'NOT_FOUND');
  });

  it('carries a request out once and answers it the same, whatever happened since', async () => {
    const { _id } = await newGroup();
    const first = await life.done(_id, RESOLVE, { requestId: 'once' });
    await life.done(_id, REOPEN);
    assert.deepEqual(await life.verb(_id, RESOLVE, { requestId: 'once', now: new Date(Date.now() + 9e6) }), first);
    assert.equal((await life.groups.findOne({ _id }))?.status, 'new');
    const rows = (await life.timeline(_id)).filter(({ requestId }) => requestId === 'once');
    assert.equal(rows.length, 1);
  });

  it('does not act on a request again that had found nothing to do', async () => {
    const { _id } = await newGroup();
    assert.equal((await life.done(_id, REOPEN, { requestId: 'idle' })).changed, false);
    await life.done(_id, RESOLVE);
    assert.equal((await life.done(_id, REOPEN, { requestId: 'idle' })).changed, false);
    assert.equal((await life.groups.findOne({ _id }))?.status, 'resolved');
  });

  it('refuses a request id that stood for something else', async () => {
    const { _id } = await newGroup();
    await life.done(_id, { name: 'comment', text: 'one' }, { requestId: 'used' });
    const other = await life.refused(_id, { name: 'comment', text: 'two' }, { requestId: 'used' });
    assert.equal(other.code, 'IDEMPOTENCY_KEY_REUSED');
    const { _id: second } = await newGroup();
    assert.equal((await life.done(second, { name: 'comment', text: 'two' }, { requestId: 'used' })).changed, true);
  });

  it('carries one request out once that comes ten times at the same moment', async () => {
    const { _id } = await newGroup();
    const say: ErrorVerb = { name: 'comment', text: 'hello' };
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => life.done(_id, say, { requestId: 'ten' })));
    assert.equal(new Set(outcomes.map((outcome) => JSON.stringify(outcome))).size, 1);
    assert.equal((await life.groups.findOne({ _id }))?.comments.length, 1);
  });

  it('has the last word of several people at once in MongoDB, and each of them in the timeline', async () => {
    const { _id } = await newGroup();
    const wishes: ErrorVerb[] = [
      RESOLVE,
      IGNORE,
      REOPEN,
      { name: 'investigate' },
      { name: 'resolve', in: 'release', release: '3.0.0' },
      { name: 'assign', assignee: life.actor.toHexString() },
      ...Array.from({ length: 6 }, (_, n): ErrorVerb => ({ name: 'comment', text: String(n) })),
    ];
    const outcomes = await Promise.all(wishes.map((wish) => life.verb(_id, wish)));
    const group = await life.groups.findOne({ _id });
    const rows = await life.timeline(_id);
    const done = outcomes.filter((outcome) => outcome.outcome === 'done');
    assert.equal(rows.length, done.length);
    const byRev = done.map(({ state }) => state).toSorted((a, b) => a.statusRev - b.statusRev);
    assert.equal(group?.statusRev, byRev.at(-1)?.statusRev);
    assert.equal(group?.status, byRev.at(-1)?.status);
    assert.equal(group?.comments.length, 6);
    assert.deepEqual(group.assignee, life.actor);
  });
});
