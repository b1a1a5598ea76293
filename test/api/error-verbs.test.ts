import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { errorGroupDeps } from '../../activities/error-group-deps.js';
import { errorGroupActivities } from '../../activities/error-groups.js';
import type { ErrorGroupDoc } from '../../db/error-groups.js';
import { errorGroupId } from '../../workflows/error-group.js';
import { SEARCH_ATTRIBUTES } from '../../workflows/search-attributes.js';
import { groupOf } from '../helper/error-group.js';
import { groupWorkers } from '../helper/group-worker.js';
import { management, type Management } from '../helper/management.js';
import { pick, pickText } from '../helper/pick.js';
import { until } from '../helper/until.js';

describe('POST /v1/apps/:appId/errors/:groupId/<verb>', () => {
  let it_: Management;
  let temporal: Awaited<ReturnType<typeof groupWorkers>>;
  let isAway = false;
  let appId: ObjectId;
  let key: string;
  let stopWorker: () => Promise<void>;
  before(async () => {
    temporal = await groupWorkers();
    it_ = await management('error-verbs', { temporal: () => (isAway ? undefined : temporal.client) });
    ({ id: appId, key } = await it_.register('shop'));
    stopWorker = await temporal.worker(errorGroupActivities(errorGroupDeps(it_)));
  });
  after(async () => {
    await temporal.close();
    await it_.close();
  });

  const groups = () => it_.db.collection<ErrorGroupDoc>('error_groups');
  async function newGroup(fields: Partial<ErrorGroupDoc> = {}): Promise<string> {
    const group = groupOf({ appId, ...fields });
    await groups().insertOne(group);
    return group._id.toHexString();
  }
  const statusOf = async (id: string) => (await groups().findOne({ _id: new ObjectId(id) }))?.status;

  async function ask(groupId: string, verb: string, body?: object, { token = it_.owner.token, id = '' } = {}) {
    const answer = await it_.app.inject({
      method: 'POST',
      url: `/v1/apps/shop/errors/${groupId}/${verb}`,
      headers: { authorization: `Bearer ${token}`, ...(id !== '' && { 'idempotency-key': id }) },
      ...(body !== undefined && { payload: body }),
    });
    return { status: answer.statusCode, body: answer.json<unknown>(), text: answer.body };
  }
  async function done(groupId: string, verb: string, body?: object) {
    const answer = await ask(groupId, verb, body);
    assert.equal(answer.status, 200, answer.text);
    return answer.body;
  }

  it('carries out each verb and answers with the group as it is then', async () => {
    const id = await newGroup();
    const status = (body: unknown) => [pick(body, 'group', 'status'), pick(body, 'changed')];
    assert.deepEqual(status(await done(id, 'investigate')), ['investigating', true]);
    assert.deepEqual(status(await done(id, 'investigate', {})), ['investigating', false]);
    const me = it_.owner.id;
    assert.equal(pick(await done(id, 'assign', { assignee: me }), 'group', 'assignee'), me);
    assert.equal(pick(await done(id, 'assign', { assignee: null }), 'group', 'assignee'), null);
    assert.equal(pick(await done(id, 'comment', { text: 'looking' }), 'changed'), true);
    const until = new Date(Date.now() + 3_600_000).toISOString();
    const window = { count: 10, minutes: 60 };
    const ignored = await done(id, 'ignore', { until, occurrences: 5, profiles: 2, window });
    assert.deepEqual(pick(ignored, 'group', 'ignore'), { until, occurrences: 6, profiles: 2, window });
    const resolved = await done(id, 'resolve', { in: 'release', release: '2.0.0' });
    assert.equal(pick(resolved, 'group', 'resolution', 'release'), '2.0.0');
    assert.deepEqual(status(await done(id, 'resolve', {})), ['resolved', false]);
    assert.deepEqual(status(await done(id, 'reopen')), ['new', true]);
    const into = await newGroup();
    assert.equal(pick(await done(id, 'merge', { into }), 'group', 'mergedInto'), into);
    assert.deepEqual(status(await done(id, 'unmerge')), ['new', true]);
    const handle = temporal.client.workflow.getHandle(errorGroupId(id));
    const { typedSearchAttributes: found, status: run } = await handle.describe();
    assert.equal(run.name, 'RUNNING');
    const { kind, status: state, apps } = SEARCH_ATTRIBUTES;
    assert.deepEqual([found.get(kind), found.get(state), found.get(apps)], ['error-group', 'new', ['shop']]);
  });

  it('carries a request out once, by its header or its body, and knows it in another run', async () => {
    const id = await newGroup();
    const first = await ask(id, 'comment', { text: 'once' }, { id: 'k1' });
    assert.equal(pick(first.body, 'requestId'), 'k1');
    assert.deepEqual(await ask(id, 'comment', { text: 'once' }, { id: 'k1' }), first);
    assert.deepEqual(await ask(id, 'comment', { text: 'once', requestId: 'k1' }), first);
    await temporal.client.workflow.getHandle(errorGroupId(id)).terminate();
    assert.deepEqual(await ask(id, 'comment', { text: 'once' }, { id: 'k1' }), first);
    const comments = async () => (await groups().findOne({ _id: new ObjectId(id) }))?.comments.length;
    assert.equal(await comments(), 1);
    const other = await ask(id, 'comment', { text: 'another' }, { id: 'k1' });
    assert.deepEqual([other.status, pick(other.body, 'code')], [422, 'IDEMPOTENCY_KEY_REUSED']);
    const somebody = await it_.person([{ appId, role: 'developer' }]);
    const theirs = await ask(id, 'comment', { text: 'theirs' }, { id: 'k1', token: somebody.token });
    assert.equal(theirs.status, 200, 'somebody else’s id is another one');
    assert.equal(await comments(), 2);
  });

  it('refuses what the state does not allow with the reason, and names the survivor', async () => {
    const [id, into] = [await newGroup(), await newGroup()];
    await done(id, 'resolve', { in: 'now' });
    const refused = await ask(id, 'ignore', {});
    assert.deepEqual([refused.status, pick(refused.body, 'code')], [409, 'TRANSITION_REFUSED']);
    assert.match(pickText(refused.body, 'detail'), /reopened/);
    await done(id, 'merge', { into });
    const merged = await ask(id, 'comment', { text: 'hello' });
    assert.deepEqual([merged.status, pick(merged.body, 'survivor')], [409, into]);
    const onto = await ask(await newGroup(), 'merge', { into: id });
    assert.deepEqual([onto.status, pick(onto.body, 'survivor')], [409, into]);
  });

  it('lets nobody act with an app key, without the role, or on a group of another app', async () => {
    const id = await newGroup();
    assert.equal((await ask(id, 'reopen', undefined, { token: key })).status, 401);
    for (const role of ['viewer', 'reviewer'] as const) {
      const { token } = await it_.person([{ appId, role }]);
      assert.equal((await ask(id, 'resolve', {}, { token })).status, 403);
    }
    const { id: elsewhere } = await it_.register('elsewhere');
    const theirs = await newGroup({ appId: elsewhere });
    assert.equal((await ask(theirs, 'resolve', {})).status, 404);
    assert.equal((await ask(new ObjectId().toHexString(), 'resolve', {})).status, 404);
    assert.deepEqual([await statusOf(id), await statusOf(theirs)], ['new', 'new']);
  });

  const wrong: readonly [string, string, object | undefined][] = [
    ['an assignee that is no id', 'assign', { assignee: 'me' }],
    ['an assignee who is no member', 'assign', { assignee: new ObjectId().toHexString() }],
    ['no comment', 'comment', {}],
    ['an empty comment', 'comment', { text: '  ' }],
    ['a comment without end', 'comment', { text: 'x'.repeat(8_193) }],
    ['a release without `in`', 'resolve', { release: '1.0.0' }],
    ['`in: release` without one', 'resolve', { in: 'release' }],
    ['an ignore into the past', 'ignore', { until: '2020-01-01T00:00:00Z' }],
    ['an ignore until no day', 'ignore', { until: 'tomorrow' }],
    ['no more occurrences', 'ignore', { occurrences: 0 }],
    ['a window of a month', 'ignore', { window: { count: 1, minutes: 50_000 } }],
    ['an unknown field', 'reopen', { force: true }],
    ['a merge into nothing', 'merge', undefined],
    ['a request id without end', 'reopen', { requestId: 'x'.repeat(201) }],
  ];
  for (const [what, verb, body] of wrong) {
    it(`refuses ${what}`, async () => {
      const id = await newGroup();
      const answer = await ask(id, verb, body);
      assert.deepEqual([answer.status, pick(answer.body, 'code')], [400, 'REQUEST_INVALID'], answer.text);
    });
  }

  it('says beforehand what a merge would make, and makes nothing', async () => {
    const early = new Date('2026-01-01T00:00:00Z');
    const profiles = Array.from({ length: 5 }, () => new ObjectId());
    const [from, into] = [
      await newGroup({ occurrenceCount: 7, affectedProfiles: 3, firstSeen: early }),
      await newGroup({ occurrenceCount: 2, affectedProfiles: 3 }),
    ];
    const rows = (id: string, from_: number, to: number) =>
      profiles.slice(from_, to).map((profileId) => ({ groupId: new ObjectId(id), profileId, appId, own: true }));
    await it_.db.collection('error_group_profiles').insertMany([...rows(from, 0, 3), ...rows(into, 2, 5)]);
    const { token } = await it_.person([{ appId, role: 'viewer' }]);
    const preview = (path: string) => it_.ask(token, 'GET', `/v1/apps/shop/errors/${path}`);
    const answer = await preview(`${from}/merge-preview?into=${into}`);
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(
      [pick(answer.body, 'result', 'occurrenceCount'), pick(answer.body, 'result', 'affectedProfiles')],
      [9, { atLeast: 5, atMost: 5 }],
    );
    assert.equal(pick(answer.body, 'result', 'firstSeen'), early.toISOString());
    assert.equal((await groups().findOne({ _id: new ObjectId(from) }))?.mergedInto, null);
    assert.equal((await preview(`${from}/merge-preview?into=${from}`)).status, 404);
    assert.equal((await preview(`${from}/merge-preview`)).status, 400);
  });

  it('agrees with MongoDB after many people acted at once', async () => {
    const id = await newGroup();
    const people = await Promise.all(
      Array.from({ length: 4 }, () => it_.person([{ appId, role: 'developer' as const }])),
    );
    const verbs = ['resolve', 'reopen', 'ignore', 'investigate'];
    const answers = await Promise.all(people.flatMap(({ token }) => verbs.map((verb) => ask(id, verb, {}, { token }))));
    for (const { status, text } of answers) assert.ok([200, 409].includes(status), text);
    const done = answers.filter(({ status }) => status === 200).map(({ body }) => body);
    const revOf = (body: unknown) => Number(pick(body, 'group', 'statusRev'));
    const last = done.toSorted((a, b) => revOf(a) - revOf(b)).at(-1);
    const group = await groups().findOne({ _id: new ObjectId(id) });
    assert.deepEqual([group?.status, group?.statusRev], [pick(last, 'group', 'status'), revOf(last)]);
    const changes = done.filter((body) => pick(body, 'changed') === true);
    assert.equal(changes.length, revOf(last), 'each change is one revision');
    const statuses = new Map(done.map((body) => [revOf(body), pick(body, 'group', 'status')]));
    for (const body of done) assert.equal(statuses.get(revOf(body)), pick(body, 'group', 'status'));
  });

  it('answers 503 while Temporal is away', async () => {
    const id = await newGroup();
    isAway = true;
    const answer = await ask(id, 'resolve', {});
    isAway = false;
    assert.deepEqual([answer.status, pick(answer.body, 'code')], [503, 'UNAVAILABLE']);
  });

  it('answers 202 while no worker is there, and the same request is carried out once afterwards', async () => {
    const id = await newGroup();
    await stopWorker();
    const pending = await ask(id, 'resolve', {}, { id: 'patience' });
    assert.equal(pending.status, 202, pending.text);
    assert.deepEqual(pending.body, { requestId: 'patience' });
    stopWorker = await temporal.worker(errorGroupActivities(errorGroupDeps(it_)));
    // A worker that is new may get to it after more than one wait.
    await until('carried out', async () => {
      const answer = await ask(id, 'resolve', {}, { id: 'patience' });
      assert.ok([200, 202].includes(answer.status), answer.text);
      return answer.status === 200;
    });
    assert.equal(await statusOf(id), 'resolved');
    assert.equal(await it_.db.collection('error_activity').countDocuments({ groupId: new ObjectId(id) }), 1);
  });
});
