import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import type { Role } from '../../domain/member.js';
import { management, type Management } from '../helper/management.js';
import { pick, pickList, pickText } from '../helper/pick.js';

describe('members', () => {
  let it_: Management;
  let app: { id: ObjectId; appId: string };
  let count = 0;
  before(async () => {
    it_ = await management('members');
  });
  beforeEach(async () => {
    count += 1;
    app = await it_.register(`app-${String(count)}`);
  });
  after(() => it_.close());

  const somebody = (role: Role) => it_.person([{ appId: app.id, role }]);
  const members = (token: string, method: string, path = '', body?: object) =>
    it_.ask(token, method, `/v1/apps/${app.appId}/members${path}`, body);
  const roleOf = async (memberId: string) => {
    const listed = pickList((await members(it_.owner.token, 'GET')).body, 'members');
    return pick(listed.find((each) => pick(each, 'memberId') === memberId) ?? { role: undefined }, 'role');
  };

  it('are added by name with a token of their own, and see what their role lets them see', async () => {
    const { token } = await somebody('admin');
    const added = await members(token, 'POST', '', { name: 'Ada', email: 'ada@example.com', role: 'developer' });
    assert.equal(added.status, 201, added.text);
    const hers = pickText(added.body, 'token');
    const me = await it_.ask(hers, 'GET', '/v1/me');
    assert.equal(pick(me.body, 'name'), 'Ada');
    assert.deepEqual(pick(me.body, 'roles'), [{ appId: app.appId, role: 'developer' }]);
    assert.equal((await it_.ask(hers, 'GET', `/v1/apps/${app.appId}`)).status, 200);
    assert.equal((await members(hers, 'POST', '', { name: 'Bob', role: 'viewer' })).status, 403);
    assert.ok(!(await members(token, 'GET')).text.includes(hers));
  });

  it('of this instance are added by nobody’s word but their own: an id adds nobody and shows nothing of them', async () => {
    const { token } = await somebody('owner');
    const other = await it_.person([]);
    const details = new Set<string>();
    for (const memberId of [other.id, it_.owner.id, new ObjectId().toHexString()]) {
      for (const more of [{}, { name: 'Ada' }]) {
        const answer = await members(token, 'POST', '', { memberId, role: 'viewer', ...more });
        assert.equal(answer.status, 400, answer.text);
        details.add(`${JSON.stringify(more)} ${pickText(answer.body, 'detail')}`);
      }
    }
    assert.equal(details.size, 2, [...details].join('\n'));
    assert.equal((await it_.ask(other.token, 'GET', `/v1/apps/${app.appId}`)).status, 404);
  });

  it('of other apps, of the instance and of nowhere are one answer to an app’s own people', async () => {
    const elsewhere = await it_.register(`elsewhere-${String(count)}`);
    const owner = await somebody('owner');
    const developer = await somebody('developer');
    const gone = await somebody('viewer');
    await it_.ask(it_.owner.token, 'DELETE', `/v1/members/${gone.id}`);
    const others = [
      (await it_.person([{ appId: elsewhere.id, role: 'owner' }])).id,
      (await it_.person([])).id,
      (await it_.person([], true)).id,
      gone.id,
      new ObjectId().toHexString(),
    ];
    const flag = { type: 'boolean', defaultValue: false };
    const asked: readonly [who: string, status: number, method: string, path: (id: string) => string, body?: object][] =
      [
        [owner.token, 404, 'PATCH', (id) => `/apps/${app.appId}/members/${id}`, { role: 'viewer' }],
        [owner.token, 404, 'PATCH', (id) => `/apps/${app.appId}/members/${id}`, { role: 'owner' }],
        [owner.token, 404, 'DELETE', (id) => `/apps/${app.appId}/members/${id}`],
        [owner.token, 404, 'POST', (id) => `/members/${id}/tokens`, { name: 'Mine' }],
        [owner.token, 404, 'GET', (id) => `/members/${id}/tokens`],
        [owner.token, 404, 'DELETE', (id) => `/members/${id}/tokens/${new ObjectId().toHexString()}`],
        [owner.token, 403, 'PATCH', (id) => `/members/${id}`, { name: 'Mine' }],
        [owner.token, 403, 'DELETE', (id) => `/members/${id}`],
        [developer.token, 403, 'PATCH', (id) => `/apps/${app.appId}/members/${id}`, { role: 'viewer' }],
        [developer.token, 403, 'DELETE', (id) => `/apps/${app.appId}/members/${id}`],
      ];
    for (const [token, status, method, path, body] of asked) {
      const answers = new Set<string>();
      for (const id of others) {
        const answer = await it_.ask(token, method, `/v1${path(id)}`, body);
        answers.add(`${String(answer.status)} ${pickText(answer.body, 'code')} ${pickText(answer.body, 'detail')}`);
      }
      assert.equal(answers.size, 1, `${method} ${path('…')}: ${[...answers].join(' | ')}`);
      assert.match([...answers].join(''), new RegExp(`^${String(status)} `));
    }
    // An owner of the instance works in every app, so a flag may be theirs; all others are one answer.
    const flagAnswers = new Set<string>();
    for (const [index, id] of others.filter((_, at) => at !== 2).entries()) {
      const path = `/v1/apps/${app.appId}/flags`;
      const answer = await it_.ask(developer.token, 'POST', path, { ...flag, key: `f-${String(index)}`, owner: id });
      flagAnswers.add(`${String(answer.status)} ${pickText(answer.body, 'detail').replace(id, '…')}`);
    }
    assert.equal(flagAnswers.size, 1, [...flagAnswers].join(' | '));
  });

  it('never get a role above that of who gives it', async () => {
    const admin = await somebody('admin');
    const viewer = await somebody('viewer');
    assert.equal((await members(admin.token, 'POST', '', { name: 'Eve', role: 'owner' })).status, 403);
    assert.equal((await members(admin.token, 'PATCH', `/${viewer.id}`, { role: 'owner' })).status, 403);
    assert.equal((await members(admin.token, 'PATCH', `/${admin.id}`, { role: 'owner' })).status, 403);
    assert.equal((await members(admin.token, 'PATCH', `/${viewer.id}`, { role: 'admin' })).status, 200);
    assert.equal(await roleOf(viewer.id), 'admin');
  });

  it('above one’s own role are out of reach', async () => {
    const owner = await somebody('owner');
    await somebody('owner');
    const admin = await somebody('admin');
    assert.equal((await members(admin.token, 'PATCH', `/${owner.id}`, { role: 'viewer' })).status, 403);
    assert.equal((await members(admin.token, 'DELETE', `/${owner.id}`)).status, 403);
    assert.equal(await roleOf(owner.id), 'owner');
  });

  it('who are removed lose the app with their next request, and nothing else', async () => {
    const elsewhere = await it_.register(`else-${String(count)}`);
    const { id, token } = await it_.person([
      { appId: app.id, role: 'developer' },
      { appId: elsewhere.id, role: 'viewer' },
    ]);
    assert.equal((await members(it_.owner.token, 'DELETE', `/${id}`)).status, 204);
    assert.equal((await it_.ask(token, 'GET', `/v1/apps/${app.appId}`)).status, 404);
    assert.equal((await it_.ask(token, 'GET', `/v1/apps/${elsewhere.appId}`)).status, 200);
    assert.equal((await members(it_.owner.token, 'DELETE', `/${id}`)).status, 404);
    assert.equal((await members(it_.owner.token, 'PATCH', `/${id}`, { role: 'viewer' })).status, 404);
  });

  it('who review may be bound to locales, others not', async () => {
    const body = { name: 'Rosa', role: 'reviewer', locales: ['de', 'pt-BR'] };
    const added = await members(it_.owner.token, 'POST', '', body);
    assert.deepEqual(pick(added.body, 'locales'), ['de', 'pt-BR']);
    const memberId = pickText(added.body, 'memberId');
    const all = await members(it_.owner.token, 'PATCH', `/${memberId}`, { role: 'reviewer' });
    assert.equal(pick(all.body, 'locales'), undefined);
    for (const wrong of [
      { ...body, role: 'viewer' },
      { ...body, locales: [] },
      { ...body, locales: ['x y'] },
    ]) {
      assert.equal((await members(it_.owner.token, 'POST', '', wrong)).status, 400, JSON.stringify(wrong));
    }
  });

  it('always include an owner', async () => {
    const { id, token } = await somebody('owner');
    assert.equal((await members(token, 'DELETE', `/${id}`)).status, 409);
    assert.equal((await members(token, 'PATCH', `/${id}`, { role: 'admin' })).status, 409);
    assert.equal((await it_.ask(it_.owner.token, 'DELETE', `/v1/members/${id}`)).status, 409);
    const second = await somebody('owner');
    assert.equal((await members(token, 'PATCH', `/${id}`, { role: 'admin' })).status, 200);
    assert.equal((await it_.ask(it_.owner.token, 'DELETE', `/v1/members/${second.id}`)).status, 409);
  });

  it('include an owner also when two remove each other at the same moment', async () => {
    for (let round = 0; round < 10; round += 1) {
      app = await it_.register(`duel-${String(count)}-${String(round)}`);
      const [one, two] = [await somebody('owner'), await somebody('owner')];
      const both = await Promise.all([
        members(one.token, 'DELETE', `/${two.id}`),
        members(two.token, 'PATCH', `/${one.id}`, { role: 'viewer' }),
      ]);
      const roles = [await roleOf(one.id), await roleOf(two.id)];
      assert.ok(roles.includes('owner'), JSON.stringify(both));
    }
  });

  const wrong: readonly [what: string, body: object][] = [
    ['no name', { email: 'ada@example.com', role: 'viewer' }],
    ['an unknown role', { name: 'Ada', role: 'boss' }],
    ['what is no address', { name: 'Ada', email: 'ada', role: 'viewer' }],
    ['a field of the instance', { name: 'Ada', role: 'viewer', owner: true }],
  ];
  for (const [what, body] of wrong) {
    it(`are not added with ${what}`, async () => {
      const answer = await members(it_.owner.token, 'POST', '', body);
      assert.equal(answer.status, 400, answer.text);
    });
  }

  describe('of the instance', () => {
    it('are listed, renamed, and made owners by its owners', async () => {
      const { id, token } = await somebody('viewer');
      const listed = await it_.ask(it_.owner.token, 'GET', '/v1/members?limit=1');
      assert.equal(pick(listed.body, 'members', 0, 'memberId'), id);
      const renamed = await it_.ask(it_.owner.token, 'PATCH', `/v1/members/${id}`, { name: 'Ida', email: null });
      assert.equal(pick(renamed.body, 'name'), 'Ida');
      assert.equal((await it_.ask(token, 'POST', '/v1/apps', { appId: 'of-ida', name: 'Ida' })).status, 403);
      await it_.ask(it_.owner.token, 'PATCH', `/v1/members/${id}`, { owner: true });
      assert.equal((await it_.ask(token, 'POST', '/v1/apps', { appId: 'of-ida', name: 'Ida' })).status, 201);
      assert.equal((await it_.ask(it_.owner.token, 'PATCH', `/v1/members/${id}`, { owner: false })).status, 200);
    });

    it('who are revoked are out at once', async () => {
      const { id, token } = await somebody('viewer');
      assert.equal((await it_.ask(it_.owner.token, 'DELETE', `/v1/members/${id}`)).status, 204);
      assert.equal((await it_.ask(token, 'GET', '/v1/me')).status, 401);
      assert.equal((await it_.ask(it_.owner.token, 'DELETE', `/v1/members/${id}`)).status, 404);
    });

    it('always include an owner, also when two step down at the same moment', async () => {
      const alone = await management('owners');
      try {
        const stepDown = (token: string, id: string) =>
          alone.ask(token, 'PATCH', `/v1/members/${id}`, { owner: false });
        assert.equal((await stepDown(alone.owner.token, alone.owner.id)).status, 409);
        assert.equal((await alone.ask(alone.owner.token, 'DELETE', `/v1/members/${alone.owner.id}`)).status, 409);
        const second = await alone.person([], true);
        const both = await Promise.all([
          stepDown(alone.owner.token, alone.owner.id),
          stepDown(second.token, second.id),
        ]);
        assert.deepEqual(both.map(({ status }) => status).sort(), [200, 409]);
        assert.equal(await alone.db.collection('members').countDocuments({ owner: true, revokedAt: null }), 1);
      } finally {
        await alone.close();
      }
    });
  });
});
