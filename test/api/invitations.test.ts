import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { hashSecret, newInvitation, newMemberToken } from '../../api/secrets.js';
import { INVITATION_DAYS, MOST_OPEN_INVITATIONS } from '../../domain/invitation.js';
import { DAY_MS } from '../../domain/limits.js';
import { management, type Management } from '../helper/management.js';
import { pick, pickList, pickText } from '../helper/pick.js';
import { refusal } from '../helper/refusal.js';

describe('invitations', () => {
  let it_: Management;
  let app: { id: ObjectId; appId: string };
  let admin: { id: string; token: string };
  let count = 0;
  before(async () => {
    it_ = await management('invitations');
  });
  beforeEach(async () => {
    count += 1;
    app = await it_.register(`app-${String(count)}`);
    admin = await it_.person([{ appId: app.id, role: 'admin' }]);
  });
  after(() => it_.close());

  const ofApp = (token: string, method: string, path = '', body?: object) =>
    it_.ask(token, method, `/v1/apps/${app.appId}/invitations${path}`, body);
  const accept = (token: string, body: object) => it_.ask(token, 'POST', '/v1/me/invitations/accept', body);
  const join = (invitation: string, body: object = { name: 'Ada' }) =>
    it_.ask(invitation, 'POST', '/v1/invitations/join', body);
  const rolesOf = async (token: string) => pickList((await it_.ask(token, 'GET', '/v1/me')).body, 'roles');
  const mine = async (token: string) =>
    pickList((await it_.ask(token, 'GET', '/v1/me/invitations')).body, 'invitations');

  async function invite(body: object, by = admin.token) {
    const created = await ofApp(by, 'POST', '', body);
    assert.equal(created.status, 201, created.text);
    return {
      invitation: pickText(created.body, 'invitation'),
      invitationId: pickText(created.body, 'invitationId'),
      body: created.body,
    };
  }

  /** A member elsewhere, with an address that an owner of the instance vouches for. */
  async function known(email: string) {
    const person = await it_.person([]);
    await it_.ask(it_.owner.token, 'PATCH', `/v1/members/${person.id}`, { email });
    return person;
  }

  it('let a member in by their secret, once', async () => {
    const { invitation } = await invite({ role: 'reviewer', locales: ['de'] });
    const [one, two] = [await it_.person([]), await it_.person([])];
    const accepted = await accept(one.token, { invitation });
    assert.equal(accepted.status, 200, accepted.text);
    assert.deepEqual(accepted.body, { appId: app.appId, role: 'reviewer', locales: ['de'] });
    assert.deepEqual(await rolesOf(one.token), [accepted.body]);
    assert.equal((await accept(two.token, { invitation })).status, 404);
    assert.equal((await join(invitation)).status, 401);
    assert.deepEqual(await rolesOf(two.token), []);
    assert.equal(pickList((await ofApp(admin.token, 'GET')).body, 'invitations').length, 0);
  });

  it('let one in when many come at the same moment', async () => {
    const { invitation } = await invite({ role: 'viewer' });
    const people = await Promise.all(Array.from({ length: 4 }, () => it_.person([])));
    const answers = await Promise.all([
      ...people.map(({ token }) => accept(token, { invitation })),
      join(invitation),
      join(invitation),
    ]);
    assert.equal(answers.filter(({ status }) => status < 300).length, 1, JSON.stringify(answers));
    assert.equal(await it_.db.collection('members').countDocuments({ 'roles.appId': app.id }), 2);
  });

  it('let somebody new in, with a first token and without any vouched address', async () => {
    const { invitation } = await invite({ role: 'developer', email: 'Ada@Example.com' });
    const joined = await join(invitation);
    assert.equal(joined.status, 201, joined.text);
    const me = await it_.ask(pickText(joined.body, 'token'), 'GET', '/v1/me');
    assert.equal(pick(me.body, 'memberId'), pick(joined.body, 'memberId'));
    assert.equal(pick(me.body, 'name'), 'Ada');
    assert.equal(pick(me.body, 'email'), 'ada@example.com');
    assert.equal(pick(me.body, 'emailVouched'), false);
    assert.deepEqual(pick(me.body, 'roles'), [{ appId: app.appId, role: 'developer' }]);
    assert.equal((await join(invitation)).status, 401);
  });

  it('are answered the same whether or not anybody has the address', async () => {
    await known('here@example.com');
    const shapes = new Set<string>();
    for (const email of ['here@example.com', 'away@example.com']) {
      const { body, invitationId } = await invite({ role: 'viewer', email });
      const created = { ...(body as object), ...{ invitation: '', invitationId: '', prefix: '' } };
      const seen = (await ofApp(admin.token, 'GET')).text;
      assert.ok(seen.includes(invitationId));
      shapes.add(JSON.stringify({ ...created, email: '', createdAt: '', expiresAt: '' }));
    }
    assert.equal(shapes.size, 1);
    const listed = await it_.ask(admin.token, 'GET', `/v1/apps/${app.appId}/members`);
    assert.equal(pickList(listed.body, 'members').length, 1);
    assert.ok(!listed.text.includes('here@example.com'));
  });

  it('reach by address who has exactly this one, in any case', async () => {
    const ada = await known('Ada@example.com');
    const { invitationId } = await invite({ role: 'developer', email: 'ada@EXAMPLE.com' });
    await invite({ role: 'developer', email: 'ada@example.com.au' });
    const shown = await mine(ada.token);
    assert.equal(shown.length, 1);
    assert.equal(pick(shown[0], 'invitationId'), invitationId);
    assert.equal(pick(shown[0], 'appId'), app.appId);
    const accepted = await accept(ada.token, { invitationId });
    assert.equal(accepted.status, 200, accepted.text);
    assert.deepEqual(await rolesOf(ada.token), [{ appId: app.appId, role: 'developer' }]);
    assert.deepEqual(await mine(ada.token), []);
  });

  it('reach nobody by an address that an admin of some app has typed', async () => {
    const eve = await it_.register(`eve-${String(count)}`);
    const evil = await it_.person([{ appId: eve.id, role: 'owner' }]);
    const puppet = await it_.ask(evil.token, 'POST', `/v1/apps/${eve.appId}/members`, {
      ...{ name: 'Bob', email: 'bob@example.com', role: 'viewer' },
    });
    const token = pickText(puppet.body, 'token');
    const { invitationId } = await invite({ role: 'admin', email: 'bob@example.com' });
    assert.deepEqual(await mine(token), []);
    assert.equal((await accept(token, { invitationId })).status, 404);

    // Until an owner of the instance says that it is theirs; and no longer when they say that it is not.
    const patch = (email: string | null) =>
      it_.ask(it_.owner.token, 'PATCH', `/v1/members/${pickText(puppet.body, 'memberId')}`, { email });
    assert.equal(pick((await patch('bob@example.com')).body, 'emailVouched'), true);
    assert.equal((await mine(token)).length, 1);
    assert.equal(pick((await patch(null)).body, 'emailVouched'), false);
    assert.deepEqual(await mine(token), []);
    assert.equal((await accept(token, { invitationId })).status, 404);
  });

  it('reach by address whom an owner of the instance added with it', async () => {
    const added = await it_.ask(it_.owner.token, 'POST', `/v1/apps/${app.appId}/members`, {
      ...{ name: 'Cleo', email: `cleo-${String(count)}@example.com`, role: 'viewer' },
    });
    const other = await it_.register(`other-${String(count)}`);
    const at = `/v1/apps/${other.appId}/invitations`;
    await it_.ask(it_.owner.token, 'POST', at, { role: 'viewer', email: `cleo-${String(count)}@example.com` });
    assert.equal((await mine(pickText(added.body, 'token'))).length, 1);
  });

  it('give one answer to whoever may not accept, whatever there is', async () => {
    const stranger = await known('stranger@example.com');
    const other = await invite({ role: 'viewer', email: 'somebody@example.com' });
    const revoked = await invite({ role: 'viewer', email: 'stranger@example.com' });
    assert.equal((await ofApp(admin.token, 'DELETE', `/${revoked.invitationId}`)).status, 204);
    const answers = [
      await accept(stranger.token, { invitationId: other.invitationId }),
      await accept(stranger.token, { invitationId: revoked.invitationId }),
      await accept(stranger.token, { invitationId: new ObjectId().toHexString() }),
      await accept(stranger.token, { invitation: revoked.invitation }),
      await accept(stranger.token, { invitation: newInvitation() }),
      await accept(stranger.token, { invitation: 'nonsense' }),
    ];
    const details = new Set(answers.map(({ status, body }) => `${String(status)} ${pickText(body, 'detail')}`));
    assert.equal(details.size, 1, [...details].join('\n'));
    assert.match([...details].join(''), /^404 /);
    const strangers = [await join(revoked.invitation), await join(newInvitation()), await join('nonsense')];
    assert.equal(new Set(strangers.map(({ status, body }) => `${String(status)} ${pickText(body, 'detail')}`)).size, 1);
    assert.equal(strangers[0]?.status, 401);
  });

  it('are refused before the body is read where they are the way in', async () => {
    for (const token of ['', newInvitation(), newMemberToken(), admin.token]) {
      const answer = await it_.app.inject({
        ...{ method: 'POST', url: '/v1/invitations/join', payload: '{ this is no JSON' },
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      });
      assert.equal(answer.statusCode, 401, token);
    }
  });

  it('end after their days', async () => {
    const { invitation } = await invite({ role: 'viewer' });
    const { id, token } = await it_.person([]);
    const secret = { hash: hashSecret(invitation) };
    const now = new Date(Date.now() + INVITATION_DAYS * DAY_MS);
    const late = it_.invitationChanges.accept({ memberId: new ObjectId(id), which: secret, now });
    await assert.rejects(late, refusal('NOT_FOUND'));
    const asNew = { ...secret, name: 'Ada', token: { hash: hashSecret(newMemberToken()), prefix: 'exm_' }, now };
    await assert.rejects(it_.invitationChanges.join(asNew), refusal('UNAUTHENTICATED'));
    assert.deepEqual(await it_.invitations.ofApp(app.id, now), []);
    assert.equal((await accept(token, { invitation })).status, 200);
  });

  it('are worth what whoever made them could give now', async () => {
    const { token } = await it_.person([]);
    const [demoted, removed, gone] = await Promise.all(
      [0, 1, 2].map(() => it_.person([{ appId: app.id, role: 'admin' }])),
    );
    assert.ok(demoted !== undefined && removed !== undefined && gone !== undefined);
    const invitations = [];
    for (const each of [demoted, removed, gone]) invitations.push(await invite({ role: 'admin' }, each.token));
    const path = `/v1/apps/${app.appId}/members`;
    await it_.ask(it_.owner.token, 'PATCH', `${path}/${demoted.id}`, { role: 'developer' });
    await it_.ask(it_.owner.token, 'DELETE', `${path}/${removed.id}`);
    await it_.ask(it_.owner.token, 'DELETE', `/v1/members/${gone.id}`);
    for (const { invitation } of invitations) {
      assert.equal((await accept(token, { invitation })).status, 404);
      assert.equal((await join(invitation)).status, 401);
    }
    assert.deepEqual(await rolesOf(token), []);
  });

  it('never give a role above that of who makes or revokes them', async () => {
    const owner = await it_.person([{ appId: app.id, role: 'owner' }]);
    assert.equal((await ofApp(admin.token, 'POST', '', { role: 'owner' })).status, 403);
    const { invitationId } = await invite({ role: 'owner' }, owner.token);
    assert.equal((await ofApp(admin.token, 'DELETE', `/${invitationId}`)).status, 403);
    assert.equal((await ofApp(owner.token, 'DELETE', `/${invitationId}`)).status, 204);
    assert.equal((await ofApp(owner.token, 'DELETE', `/${invitationId}`)).status, 404);
  });

  it('of one app are nothing to the people of another', async () => {
    const other = await it_.register(`else-${String(count)}`);
    const { token } = await it_.person([{ appId: other.id, role: 'owner' }]);
    const { invitationId } = await invite({ role: 'viewer' });
    const answer = await it_.ask(token, 'DELETE', `/v1/apps/${other.appId}/invitations/${invitationId}`);
    assert.equal(answer.status, 404);
    const listed = await it_.ask(token, 'GET', `/v1/apps/${other.appId}/invitations`);
    assert.deepEqual(pick(listed.body, 'invitations'), []);
  });

  it('change no role that is there, and stay', async () => {
    const { invitation } = await invite({ role: 'admin' });
    const viewer = await it_.person([{ appId: app.id, role: 'viewer' }]);
    assert.equal((await accept(viewer.token, { invitation })).status, 409);
    assert.deepEqual(await rolesOf(viewer.token), [{ appId: app.appId, role: 'viewer' }]);
    assert.equal((await accept((await it_.person([])).token, { invitation })).status, 200);
  });

  it('are shown once and stored as a hash', async () => {
    const { invitation } = await invite({ role: 'viewer' });
    assert.match(invitation, /^exi_\w{40}$/);
    const stored = JSON.stringify(await it_.db.collection('invitations').find().toArray());
    assert.ok(!stored.includes(invitation) && stored.includes(hashSecret(invitation)));
    const listed = (await ofApp(admin.token, 'GET')).text;
    assert.ok(!listed.includes(invitation) && !listed.includes(hashSecret(invitation)));
  });

  it('of an app are so many at a time', async () => {
    const hundreds = Array.from({ length: MOST_OPEN_INVITATIONS }, (_, index) => ({
      ...{ _id: new ObjectId(), appId: app.id, role: 'viewer', email: null, invitedByName: '', prefix: '' },
      ...{ invitedBy: new ObjectId(admin.id), hash: `${app.appId}-${String(index)}`, createdAt: new Date() },
      expiresAt: new Date(Date.now() + DAY_MS),
    }));
    await it_.db.collection('invitations').insertMany(hundreds);
    assert.equal((await ofApp(admin.token, 'POST', '', { role: 'viewer' })).status, 409);
    const [first] = pickList((await ofApp(admin.token, 'GET')).body, 'invitations');
    await ofApp(admin.token, 'DELETE', `/${pickText(first, 'invitationId')}`);
    await invite({ role: 'viewer' });
  });

  const wrong: readonly [what: string, body: object][] = [
    ['an unknown role', { role: 'boss' }],
    ['what is no address', { role: 'viewer', email: 'ada' }],
    ['locales for others than reviewers', { role: 'viewer', locales: ['de'] }],
    ['a member’s id', { role: 'viewer', memberId: new ObjectId().toHexString() }],
  ];
  it('are made with a role and no more than an address and locales', async () => {
    for (const [what, body] of wrong) assert.equal((await ofApp(admin.token, 'POST', '', body)).status, 400, what);
  });

  it('are accepted by secret or id, not by both or neither', async () => {
    const { invitation, invitationId } = await invite({ role: 'viewer' });
    const { token } = await it_.person([]);
    for (const body of [{}, { invitation, invitationId }]) assert.equal((await accept(token, body)).status, 400);
  });

  it('tell the audit log who made, revoked and accepted them', async () => {
    const one = await invite({ role: 'viewer', email: 'a@example.com' });
    await ofApp(admin.token, 'DELETE', `/${one.invitationId}`);
    const two = await invite({ role: 'viewer' });
    const { id, token } = await it_.person([]);
    await accept(token, { invitation: two.invitation });
    const three = await invite({ role: 'viewer' });
    const joined = await join(three.invitation);
    const entries = await it_.audit.page({ appId: app.id }, 7);
    assert.deepEqual(entries.map(({ action, actor }) => [action, actor.id?.toHexString()]).slice(0, 6), [
      ['member.added', pick(joined.body, 'memberId')],
      ['invitation.created', admin.id],
      ['member.added', id],
      ['invitation.created', admin.id],
      ['invitation.revoked', admin.id],
      ['invitation.created', admin.id],
    ]);
    assert.equal(String(entries[0]?.after?.['invitationId']), three.invitationId);
    assert.equal(String(entries[2]?.after?.['invitedBy']), admin.id);
    assert.doesNotMatch(JSON.stringify(entries), /exi_\w{8}|[0-9a-f]{64}/);
  });
});
