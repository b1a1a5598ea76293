import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { auditLog, audited } from '../../db/audit.js';
import { management, type Management } from '../helper/management.js';
import { pick, pickList, pickText } from '../helper/pick.js';
import { type Route, routesOf } from '../helper/routes.js';

describe('the audit log', () => {
  let it_: Management;
  let routes: Route[];
  let app: Awaited<ReturnType<Management['register']>>;
  before(async () => {
    ({ built: it_, routes } = await routesOf(() => management('audit')));
    app = await it_.register('shop');
  });
  after(() => it_.close());
  const asOwner = (method: string, path: string, body?: object) => it_.ask(it_.owner.token, method, `/v1${path}`, body);
  const newest = async () => pick((await asOwner('GET', '/audit?limit=1')).body, 'entries', 0);
  const size = () => it_.db.collection('audit_log').countDocuments();

  it('tells of every change: who, what, before and after, and no secret', async () => {
    const added = await asOwner('POST', '/apps/shop/members', { name: 'Ada', role: 'viewer' });
    const memberId = pickText(added.body, 'memberId');
    const token = await asOwner('POST', `/members/${memberId}/tokens`, { name: 'Script' });
    const created = await asOwner('POST', '/apps/shop/keys', { kind: 'client' });
    const keyId = pickText(created.body, 'keyId');
    const rotated = await asOwner('POST', `/apps/shop/keys/${keyId}/rotate`, {});
    const secret = await asOwner('POST', '/apps/shop/identity-secret/rotate', {});
    const invited = await asOwner('POST', '/apps/shop/invitations', { role: 'viewer' });
    const invitationId = pickText(invited.body, 'invitationId');

    const changes: readonly [action: string, run: () => Promise<{ status: number }>][] = [
      ['app.registered', () => asOwner('POST', '/apps', { appId: 'second', name: 'Second' })],
      ['app.changed', () => asOwner('PATCH', '/apps/shop', { config: { maxEventsPerDay: 7 } })],
      ['identity-secret.rotated', () => asOwner('POST', '/apps/shop/identity-secret/rotate', {})],
      ['key.created', () => asOwner('POST', '/apps/shop/keys', { kind: 'server' })],
      ['key.changed', () => asOwner('PATCH', `/apps/shop/keys/${app.keyId}`, { name: 'Web' })],
      ['key.rotated', () => asOwner('POST', `/apps/shop/keys/${app.keyId}/rotate`, {})],
      ['key.revoked', () => asOwner('DELETE', `/apps/shop/keys/${app.keyId}`)],
      ['member.added', () => asOwner('POST', '/apps/shop/members', { name: 'Bob', role: 'viewer' })],
      ['member.role-changed', () => asOwner('PATCH', `/apps/shop/members/${memberId}`, { role: 'developer' })],
      ['invitation.created', () => asOwner('POST', '/apps/shop/invitations', { role: 'viewer' })],
      ['invitation.revoked', () => asOwner('DELETE', `/apps/shop/invitations/${invitationId}`)],
      ['member.changed', () => asOwner('PATCH', `/members/${memberId}`, { name: 'Ada L.' })],
      ['token.created', () => asOwner('POST', `/members/${memberId}/tokens`, { name: 'Other' })],
      ['token.revoked', () => asOwner('DELETE', `/members/${memberId}/tokens/${pickText(token.body, 'tokenId')}`)],
      ['member.removed', () => asOwner('DELETE', `/apps/shop/members/${memberId}`)],
      ['member.revoked', () => asOwner('DELETE', `/members/${memberId}`)],
    ];
    for (const [action, run] of changes) {
      const before_ = await size();
      const { status } = await run();
      assert.ok(status < 300, action);
      assert.equal(await size(), before_ + 1, action);
      const entry = await newest();
      assert.equal(pick(entry, 'action'), action);
      assert.deepEqual(pick(entry, 'actor'), { kind: 'member', id: it_.owner.id, name: 'Somebody' });
      assert.notDeepEqual(pick(entry, 'before'), pick(entry, 'after'));
    }

    const all = JSON.stringify(await it_.db.collection('audit_log').find().toArray());
    const secrets = [
      app.key,
      pickText(added.body, 'token'),
      pickText(token.body, 'token'),
      pickText(created.body, 'key'),
      pickText(rotated.body, 'key', 'key'),
      pickText(secret.body, 'secret'),
      pickText(invited.body, 'invitation'),
    ];
    for (const each of secrets) assert.ok(!all.includes(each));
    for (const { hash } of await it_.db.collection('app_keys').find().toArray()) assert.ok(!all.includes(String(hash)));
    for (const { hash } of await it_.db.collection('member_tokens').find().toArray())
      assert.ok(!all.includes(String(hash)));
    for (const { hash } of await it_.db.collection('invitations').find().toArray())
      assert.ok(!all.includes(String(hash)));
  });

  it('keeps before and after of a change', async () => {
    await asOwner('PATCH', '/apps/shop', { config: { eventRetentionDays: 8 } });
    await asOwner('PATCH', '/apps/shop', { config: { eventRetentionDays: 9 } });
    const entry = await newest();
    assert.equal(pick(entry, 'before', 'config', 'eventRetentionDays'), 8);
    assert.equal(pick(entry, 'after', 'config', 'eventRetentionDays'), 9);
  });

  it('is silent about what changed nothing, and what was refused', async () => {
    await asOwner('PATCH', '/apps/shop', { name: 'Shop' });
    const before_ = await size();
    await asOwner('PATCH', '/apps/shop', { name: 'Shop' });
    await asOwner('POST', '/apps', { appId: 'shop', name: 'Taken' });
    await asOwner('DELETE', `/apps/shop/keys/${app.keyId}`);
    assert.equal(await size(), before_);
  });

  it('and the change are stored together or not at all', async () => {
    const audit = auditLog(it_.db);
    const failing = audited(it_.client, {
      async append(session, entry) {
        await audit.append(session, entry);
        throw new Error('the log is full');
      },
    });
    const things = it_.db.collection('things');
    await things.insertOne({ name: 'before' });
    const entries = await size();
    const actor = { kind: 'system', id: null, name: 'test' } as const;
    const entry = {
      appId: null,
      actor,
      action: 'thing.changed',
      target: { kind: 'thing', id: new ObjectId() },
      before: null,
      after: null,
    };
    await assert.rejects(
      failing(async (session) => {
        await things.updateOne({}, { $set: { name: 'after' } }, { session });
        return { result: undefined, entry };
      }),
      /the log is full/,
    );
    assert.equal((await things.findOne())?.['name'], 'before');
    assert.equal(await size(), entries);

    await assert.rejects(
      it_.audited(async (session) => {
        await it_.audit.append(session, entry);
        throw new Error('the change failed');
      }),
      /the change failed/,
    );
    assert.equal(await size(), entries);
  });

  it('has one entry for a change that had to be tried again', async () => {
    const entries = await size();
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const answers = await Promise.all(names.map((name) => asOwner('PATCH', '/apps/shop', { name })));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    assert.equal(await size(), entries + names.length);
  });

  it('can be filtered by actor, action and time, and paged', async () => {
    const admin = await it_.person([{ appId: app.id, role: 'admin' }]);
    const from = new Date();
    for (const name of ['one', 'two', 'three'])
      await it_.ask(admin.token, 'POST', '/v1/apps/shop/keys', { kind: 'client', name });
    const to = new Date(Date.now() + 1);
    await it_.ask(admin.token, 'PATCH', '/v1/apps/shop', { name: 'Renamed' });

    const entries = async (query: string) =>
      pickList((await it_.ask(admin.token, 'GET', `/v1/apps/shop/audit?${query}`)).body, 'entries');
    assert.equal((await entries(`actorId=${admin.id}`)).length, 4);
    assert.equal((await entries(`actorId=${admin.id}&action=key.created`)).length, 3);
    assert.equal((await entries(`from=${from.toISOString()}`)).length, 4);
    assert.equal((await entries(`from=${to.toISOString()}&to=${from.toISOString()}`)).length, 0);
    const first = await it_.ask(admin.token, 'GET', `/v1/apps/shop/audit?actorId=${admin.id}&limit=3`);
    const rest = await entries(`actorId=${admin.id}&limit=3&before=${pickText(first.body, 'next')}`);
    const names = [...pickList(first.body, 'entries'), ...rest].map((each) => pick(each, 'after', 'name'));
    assert.deepEqual(names, ['Renamed', 'three', 'two', 'one']);
    for (const wrong of ['actorId=x', 'action=%24ne', 'from=yesterday', 'limit=1000', 'colour=red']) {
      assert.equal((await it_.ask(admin.token, 'GET', `/v1/apps/shop/audit?${wrong}`)).status, 400, wrong);
    }
  });

  it('of one app says nothing of another', async () => {
    const other = await it_.register('neighbour');
    const { token } = await it_.person([{ appId: other.id, role: 'owner' }]);
    const { body } = await it_.ask(token, 'GET', '/v1/apps/neighbour/audit');
    assert.deepEqual(
      pickList(body, 'entries').map((each) => pick(each, 'app')),
      [other.id.toHexString()],
    );
  });

  it('is exported whole, a line an entry', async () => {
    const answer = await it_.app.inject({
      url: '/v1/apps/shop/audit?limit=1',
      headers: { authorization: `Bearer ${it_.owner.token}`, accept: 'application/x-ndjson' },
    });
    assert.equal(answer.statusCode, 200);
    assert.match(String(answer.headers['content-type']), /^application\/x-ndjson/);
    const lines = answer.body
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    assert.equal(lines.length, await it_.db.collection('audit_log').countDocuments({ appId: app.id }));
    assert.ok(lines.length > 20);
    const page = await asOwner('GET', '/apps/shop/audit?limit=1');
    assert.deepEqual(lines[0], pick(page.body, 'entries', 0));
  });

  it('has no way to be changed', () => {
    assert.deepEqual(Object.keys(auditLog(it_.db)).sort(), ['append', 'each', 'page']);
    const writes = routes.filter(({ method, url }) => url.includes('audit') && !['GET', 'HEAD'].includes(method));
    assert.deepEqual(writes, []);
  });
});
