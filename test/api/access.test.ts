import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { newInvitation, newMemberToken } from '../../api/secrets.js';
import { PERMISSIONS, type Role, roleAllows, ROLES } from '../../domain/member.js';
import { management, type Management } from '../helper/management.js';
import { pick } from '../helper/pick.js';
import { type Route, routesOf } from '../helper/routes.js';

/** Nothing there has this id, and no body fits: who is let in changes nothing. */
const pathOf = (url: string, appId: string) =>
  url.replace(':appId', appId).replace(/:\w+Id\b/g, new ObjectId().toHexString());

const OPEN: readonly unknown[] = ['public', 'ops', 'app-key', 'invitation'];
const SIGNED_IN: readonly unknown[] = ['member', 'instance-owner', ...PERMISSIONS];

describe('access', () => {
  let it_: Management;
  let all: Route[];
  /** Those for people. */
  let routes: Route[];
  before(async () => {
    const { built, routes: found } = await routesOf(() => management('access'));
    it_ = built;
    await it_.register('mine');
    await it_.register('theirs');
    // The pages and files of the API reference are not ours.
    all = found.filter(({ url }) => !url.startsWith('/docs') && url !== '*');
    routes = all.filter(({ access }) => !OPEN.includes(access));
  });
  after(() => it_.close());

  const call = (token: string, { method, url }: Route, appId = 'mine') =>
    it_.ask(token, method, pathOf(url, appId), method === 'GET' || method === 'HEAD' ? undefined : { not: 'expected' });

  it('is said by every route, in one way', () => {
    assert.ok(routes.length > 20 && all.length > routes.length + 5);
    for (const { method, url, access } of all) {
      assert.ok([...OPEN, ...SIGNED_IN].includes(access), `${method} ${url}: ${String(access)}`);
    }
  });

  it('is open to the public only where nothing of an app can be read or changed', () => {
    const open = all.filter(({ method, access }) => access === 'public' && method !== 'HEAD');
    assert.deepEqual(open.map(({ method, url }) => `${method} ${url}`).sort(), [
      'GET /healthz',
      'GET /openapi.json',
      'GET /readyz',
    ]);
  });

  it('is for who runs the instance where its numbers are', () => {
    const ops = all.filter(({ access }) => access === 'ops').map(({ method, url }) => `${method} ${url}`);
    assert.deepEqual(ops.sort(), ['GET /metrics', 'HEAD /metrics']);
  });

  it('needs a key where it says so', async () => {
    const keyed = all.filter(({ access, method }) => access === 'app-key' && method !== 'OPTIONS');
    assert.ok(keyed.length > 2);
    for (const route of keyed) {
      const url = route.url.replace(':batchId', 'a'.repeat(64)).replace(':dsnId', '1');
      const answer = await it_.app.inject({ method: route.method as 'GET', url, payload: '{"batch":[]}' });
      assert.equal(answer.statusCode, 401, `${route.method} ${url}`);
    }
  });

  it('needs an invitation where it says so', async () => {
    const invited = all.filter(({ access }) => access === 'invitation');
    assert.deepEqual(
      invited.map(({ method, url }) => `${method} ${url}`),
      ['POST /v1/invitations/join'],
    );
    const { key } = await it_.register('no-invitation');
    for (const token of ['', 'nonsense', newInvitation(), newMemberToken(), it_.owner.token, key]) {
      for (const route of invited) assert.equal((await call(token, route)).status, 401, `${route.url} with "${token}"`);
    }
  });

  it('needs a token that is known, where it is for people', async () => {
    // One for all: of many invented ones most are refused before anybody knows whose they are.
    const invented = newMemberToken();
    for (const route of routes) {
      for (const token of ['', 'nonsense', invented, newInvitation()]) {
        const { status } = await call(token, route);
        assert.equal(status, 401, `${route.method} ${route.url} with "${token}"`);
      }
    }
  });

  it('is not given to app keys there', async () => {
    const { key } = await it_.register('with-key');
    for (const route of routes) assert.equal((await call(key, route)).status, 401, `${route.method} ${route.url}`);
  });

  it('follows the table of roles, route by route and role by role', async () => {
    const mine = await it_.apps.findBySlug('mine');
    assert.ok(mine !== undefined);
    const people = new Map<Role, string>();
    for (const role of ROLES) people.set(role, (await it_.person([{ appId: mine.id, role }])).token);

    for (const route of routes) {
      for (const [role, token] of people) {
        const permission = PERMISSIONS.find((each) => each === route.access);
        const allowed = permission === undefined ? route.access === 'member' : roleAllows(role, permission);
        const { status, text } = await call(token, route);
        const what = `${route.method} ${route.url} as ${role}: ${String(status)} ${text}`;
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
    for (const route of routes.filter(({ url }) => url.includes(':appId'))) {
      const theirs = await call(token, route, 'theirs');
      const nobodys = await call(token, route, 'nobodys');
      assert.equal(theirs.status, 404, `${route.method} ${route.url}`);
      assert.equal(nobodys.status, 404, `${route.method} ${route.url}`);
      if (route.method === 'HEAD') continue;
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
