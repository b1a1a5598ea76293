import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { newMemberToken } from '../../api/secrets.js';
import { PERMISSIONS, type Role, roleAllows, ROLES } from '../../domain/member.js';
import { management, type Management } from '../helper/management.js';
import { pick } from '../helper/pick.js';

/** Nothing there has this id, and no body fits: who is let in changes nothing. */
const pathOf = (url: string, appId: string) =>
  url.replace(':appId', appId).replace(/:(keyId|memberId|tokenId)/g, new ObjectId().toHexString());

describe('access to the management routes', () => {
  let it_: Management;
  before(async () => {
    it_ = await management('access');
    await it_.register('mine');
    await it_.register('theirs');
  });
  after(() => it_.close());

  const call = (token: string, method: string, url: string, appId = 'mine') =>
    it_.ask(token, method, pathOf(url, appId), method === 'GET' || method === 'HEAD' ? undefined : { not: 'expected' });

  it('is said by every route in the one way', () => {
    assert.ok(it_.routes.length > 20);
    const known: readonly unknown[] = ['member', 'instance-owner', ...PERMISSIONS];
    for (const { method, url, access } of it_.routes)
      assert.ok(known.includes(access), `${method} ${url}: ${String(access)}`);
  });

  it('needs a token that is known', async () => {
    for (const { method, url } of it_.routes) {
      for (const token of ['', 'nonsense', newMemberToken()]) {
        const { status } = await call(token, method, url);
        assert.equal(status, 401, `${method} ${url} with "${token}"`);
      }
    }
  });

  it('is not for app keys', async () => {
    const { key } = await it_.register('with-key');
    for (const { method, url } of it_.routes)
      assert.equal((await call(key, method, url)).status, 401, `${method} ${url}`);
  });

  it('follows the table of roles, route by route and role by role', async () => {
    const mine = await it_.apps.findBySlug('mine');
    assert.ok(mine !== undefined);
    const people = new Map<Role, string>();
    for (const role of ROLES) people.set(role, (await it_.person([{ appId: mine.id, role }])).token);

    for (const { method, url, access } of it_.routes) {
      for (const [role, token] of people) {
        const permission = PERMISSIONS.find((each) => each === access);
        const allowed = permission === undefined ? access === 'member' : roleAllows(role, permission);
        const { status, text } = await call(token, method, url);
        const what = `${method} ${url} as ${role}: ${String(status)} ${text}`;
        if (!allowed) assert.equal(status, 403, what);
        else assert.ok(status < 500 && status !== 401 && status !== 403, what);
        if (allowed && status === 404) assert.doesNotMatch(text, /no app/, what);
      }
    }
  });

  it('hides apps in which one has no role behind 404, as if there were none', async () => {
    const mine = await it_.apps.findBySlug('mine');
    assert.ok(mine !== undefined);
    const { token } = await it_.person([{ appId: mine.id, role: 'owner' }]);
    for (const { method, url } of it_.routes.filter((route) => route.url.includes(':appId'))) {
      const theirs = await call(token, method, url, 'theirs');
      const nobodys = await call(token, method, url, 'nobodys');
      assert.equal(theirs.status, 404, `${method} ${url}`);
      assert.equal(nobodys.status, 404, `${method} ${url}`);
      if (method === 'HEAD') continue;
      assert.equal(pick(theirs.body, 'detail'), 'no app theirs');
      assert.equal(pick(nobodys.body, 'detail'), 'no app nobodys');
    }
  });

  it('is asked before the body is read', async () => {
    const answer = await it_.app.inject({
      method: 'POST',
      url: '/v1/apps',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${newMemberToken()}` },
      payload: '{ this is no JSON',
    });
    assert.equal(answer.statusCode, 401);
  });
});
