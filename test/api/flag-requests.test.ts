import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { flagRequestActivities } from '../../activities/flag-requests.js';
import type { FlagRequestDoc } from '../../db/flag-requests.js';
import { requestSignal } from '../../workflows/flag-request.js';
import { flagLife, type FlagLife } from '../helper/flag-life.js';
import { pick, pickList, pickText } from '../helper/pick.js';

describe('a change of flags where the app wants a second person', () => {
  let it_: FlagLife;
  let ada: { id: string; token: string };
  let bob: { id: string; token: string };
  let asks: ReturnType<FlagLife['as']>;
  let decides: ReturnType<FlagLife['as']>;
  before(async () => {
    it_ = await flagLife('flag-requests');
    ada = await it_.person([{ appId: it_.shop.id, role: 'developer' }]);
    bob = await it_.person([{ appId: it_.shop.id, role: 'developer' }]);
    asks = it_.as(ada.token);
    decides = it_.as(bob.token);
    const flag = (key: string) => ({ key, type: 'boolean', defaultValue: false });
    for (const key of ['one', 'two', 'three', 'four', 'five']) await asks('POST', 'flags', flag(key));
    await it_.ask(it_.owner.token, 'PATCH', '/v1/apps/shop', { config: { flags: { approval: true } } });
    await it_.worker();
  });
  after(() => it_.close());

  const turnOn = (flagKey: string) => ({ change: { flagKey, defaultValue: true }, note: 'it is time' });
  const flag = async (key: string) => (await asks('GET', `flags/${key}`)).body;
  async function requested(body: object): Promise<string> {
    const answer = await asks('POST', 'flag-requests', body);
    assert.equal(answer.status, 201, answer.text);
    return pickText(answer.body, 'requestId');
  }
  const stateOf = async (id: string) => pick((await asks('GET', `flag-requests/${id}`)).body, 'state');
  const audit = (action: string) => it_.db.collection('audit_log').find({ action }).sort({ _id: 1 }).toArray();

  it('is refused directly, made once somebody else approves it, and in the audit log with both', async () => {
    const direct = await asks('PATCH', 'flags/one', { defaultValue: true });
    assert.deepEqual([direct.status, pick(direct.body, 'code')], [409, 'APPROVAL_REQUIRED']);

    const id = await requested(turnOn('one'));
    assert.equal(pick(await flag('one'), 'version'), 1, 'nothing has changed yet');
    const shown = (await asks('GET', `flag-requests/${id}`)).body;
    assert.deepEqual(
      ['kind', 'flagKey', 'baseVersion', 'state', 'requestedBy', 'note'].map((name) => pick(shown, name)),
      ['change', 'one', 1, 'pending', ada.id, 'it is time'],
    );
    assert.equal(pick(shown, 'change', 'change', 'defaultValue'), true);

    const approved = await decides('POST', `flag-requests/${id}/approve`, { comment: 'fine' });
    assert.equal(approved.status, 200, approved.text);
    assert.deepEqual(
      ['state', 'decidedBy', 'comment'].map((name) => pick(approved.body, name)),
      ['applied', bob.id, 'fine'],
    );
    assert.equal(pick(await flag('one'), 'defaultValue'), true);
    assert.equal(pick(await flag('one'), 'version'), 2);
    assert.ok(it_.woken.includes('shop'), 'the sets are brought up to date');

    const [changed] = await audit('flag.changed');
    assert.equal(pick(changed, 'actor', 'name'), 'Somebody');
    assert.equal(String(pick(changed, 'actor', 'id')), ada.id);
    assert.equal(pickText(changed, 'note'), `request ${id}; approved by Somebody; it is time`);
    for (const action of ['created', 'approved', 'applied'])
      assert.equal((await audit(`flag-request.${action}`)).length, 1, action);

    const again = await decides('POST', `flag-requests/${id}/approve`, { comment: 'fine' });
    assert.equal(pick(again.body, 'state'), 'applied', 'the same word again changes nothing');
    assert.equal(pick(await flag('one'), 'version'), 2);
  });

  it('is not approved by who asks, by a viewer, or by somebody of another app', async () => {
    const id = await requested(turnOn('two'));
    const own = await asks('POST', `flag-requests/${id}/approve`, {});
    assert.equal(own.status, 403);
    assert.match(own.text, /second person/);
    const viewer = it_.as((await it_.person([{ appId: it_.shop.id, role: 'viewer' }])).token);
    assert.equal((await viewer('POST', `flag-requests/${id}/approve`, {})).status, 403);
    const other = await it_.register('other');
    const stranger = await it_.person([{ appId: other.id, role: 'owner' }]);
    const foreign = await it_.ask(stranger.token, 'POST', `/v1/apps/other/flag-requests/${id}/approve`, {});
    assert.equal(foreign.status, 404);
    assert.equal(await stateOf(id), 'pending');
    assert.equal((await decides('POST', `flag-requests/${id}/withdraw`, {})).status, 403);

    assert.equal(pick((await asks('POST', `flag-requests/${id}/withdraw`, {})).body, 'state'), 'withdrawn');
    const late = await decides('POST', `flag-requests/${id}/approve`, {});
    assert.deepEqual([late.status, pick(late.body, 'code')], [409, 'CONFLICT']);
    assert.equal(pick(await flag('two'), 'version'), 1);
  });

  it('loses the right to approve with the role, also for who was let in by the API', async () => {
    const id = await requested(turnOn('two'));
    const eve = await it_.person([{ appId: it_.shop.id, role: 'developer' }]);
    await it_.db.collection('members').updateOne({ _id: new ObjectId(eve.id) }, { $set: { roles: [] } });
    const handle = it_.temporal.client.workflow.getHandle(`flag-request/${id}`);
    await handle.signal(requestSignal('approve'), { actor: eve.id, comment: '' });
    await handle.signal(requestSignal('approve'), { actor: 'nobody', comment: '' });
    assert.equal(await stateOf(id), 'pending');
    await handle.signal(requestSignal('reject'), { actor: bob.id, comment: 'no' });
    assert.equal(await handle.result(), 'rejected', 'a signal does what an update does');
    assert.equal(pick(await flag('two'), 'version'), 1);
  });

  it('is stale where what it changes was changed meanwhile, and says so', async () => {
    const id = await requested(turnOn('three'));
    assert.equal((await asks('POST', 'flags/three/kill', {})).status, 200, 'kill needs nobody');
    const approved = await decides('POST', `flag-requests/${id}/approve`, {});
    assert.equal(pick(approved.body, 'state'), 'stale');
    assert.match(pickText(approved.body, 'reason'), /version 2, not 1/);
    assert.equal(pick(await flag('three'), 'defaultValue'), false);
  });

  it('may be of everything that changes definitions', async () => {
    const owner = bob.id;
    const asked = [
      {
        create: {
          key: 'new',
          type: 'json',
          defaultValue: { $oid: 'text', a: [1] },
          owner,
          expiresAt: '2030-01-01T00:00:00Z',
        },
      },
      { createSegment: { key: 'home', clauses: [] } },
      { changeSegment: { segmentKey: 'home', description: 'ours' } },
      { removeSegment: { segmentKey: 'home' } },
      { archive: { flagKey: 'four' } },
      { restore: { flagKey: 'four' } },
      { revive: { flagKey: 'three' } },
      { revert: { flagKey: 'four', version: 1 } },
      { import: { flags: [{ key: 'five', type: 'boolean', defaultValue: true }], segments: [] } },
    ];
    for (const each of asked) {
      const id = await requested(each);
      const { body } = await decides('POST', `flag-requests/${id}/approve`, {});
      assert.equal(pick(body, 'state'), 'applied', JSON.stringify([each, body]));
    }
    const made = await flag('new');
    assert.deepEqual(pick(made, 'defaultValue'), { $oid: 'text', a: [1] });
    assert.deepEqual([pick(made, 'owner'), pick(made, 'expiresAt')], [owner, '2030-01-01T00:00:00.000Z']);
    assert.equal(pick(await flag('five'), 'defaultValue'), true);
    assert.equal(pick(await flag('three'), 'killedAt'), null);

    const listed = await asks('GET', 'flag-requests?state=applied&limit=2');
    assert.equal(pickList(listed.body, 'requests').length, 2);
    const next = await asks('GET', `flag-requests?state=applied&before=${pickText(listed.body, 'next')}`);
    assert.ok(pickList(next.body, 'requests').length >= 7);
  });

  it('is refused where it could not be saved anyway, and needs nothing of Temporal to be asked for', async () => {
    for (const [body, status] of [
      [{}, 400],
      [{ change: { flagKey: 'one', defaultValue: 'text' } }, 400],
      [{ change: { flagKey: 'gone', defaultValue: true } }, 404],
      [{ ...turnOn('one'), previewId: 'f'.repeat(24) }, 400],
    ] as const) {
      assert.equal((await asks('POST', 'flag-requests', body)).status, status, JSON.stringify(body));
    }
    it_.away.is = true;
    const id = await requested(turnOn('two'));
    assert.equal((await decides('POST', `flag-requests/${id}/approve`, {})).status, 503);
    it_.away.is = false;
    const { body } = await decides('POST', `flag-requests/${id}/approve`, {});
    assert.equal(pick(body, 'state'), 'applied', 'the first word starts what waits');
  });

  /** One that Bob has approved, and that no workflow is at. */
  async function approvedAlone(body: object): Promise<FlagRequestDoc> {
    const id = await requested(body);
    await it_.temporal.client.workflow.getHandle(`flag-request/${id}`).terminate();
    const requests = it_.db.collection<FlagRequestDoc>('flag_requests');
    const approved = await requests.findOneAndUpdate(
      { _id: new ObjectId(id) },
      { $set: { state: 'approved', decidedBy: new ObjectId(bob.id), decidedByName: 'Bob' } },
      { returnDocument: 'after' },
    );
    assert.ok(approved !== null);
    return approved;
  }

  it('is made once, also where an earlier attempt makes it at the same moment', async () => {
    const request = await approvedAlone({ change: { flagKey: 'four', description: 'twice at once' } });
    const requestId = request._id.toHexString();
    const before = Number(pick(await flag('four'), 'version'));
    const { applyRequest } = flagRequestActivities({
      ...it_.deps,
      async makeFlagChange(each) {
        await it_.deps.makeFlagChange(each);
        return it_.deps.makeFlagChange(each);
      },
    });
    const answer = await applyRequest({ requestId, now: new Date().toISOString() });
    assert.deepEqual(answer, { outcome: 'done', state: 'applied', reason: null });
    assert.equal(pick(await flag('four'), 'version'), before + 1);
  });

  it('is made once, also where the worker died between making and saying so', async () => {
    const request = await approvedAlone({ change: { flagKey: 'four', description: 'once' } });
    const id = request._id.toHexString();
    await it_.deps.makeFlagChange(request);
    const version = pick(await flag('four'), 'version');

    const { applyRequest } = flagRequestActivities(it_.deps);
    const now = new Date().toISOString();
    assert.deepEqual(await applyRequest({ requestId: id, now }), { outcome: 'done', state: 'applied', reason: null });
    assert.deepEqual(await applyRequest({ requestId: id, now }), { outcome: 'done', state: 'applied', reason: null });
    assert.equal(pick(await flag('four'), 'version'), version);
  });
});
