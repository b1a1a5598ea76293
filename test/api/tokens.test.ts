import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { memberAuth } from '../../api/auth-member.js';
import { hashSecret, newMemberToken } from '../../api/secrets.js';
import { PlatformError } from '../../domain/errors.js';
import { management, type Management } from '../helper/management.js';
import { pick, pickList, pickText } from '../helper/pick.js';
import { refusal } from '../helper/refusal.js';
import { secretsTold } from '../helper/secrets.js';
import { SLACK_MS, until } from '../helper/until.js';

describe('/v1/members/:memberId/tokens', () => {
  let it_: Management;
  let appId: ObjectId;
  let otherAppId: ObjectId;
  before(async () => {
    it_ = await management('tokens');
    appId = (await it_.register('shop')).id;
    otherAppId = (await it_.register('other')).id;
  });
  after(() => it_.close());

  const tokens = (token: string, memberId: string, method: string, path = '', body?: object) =>
    it_.ask(token, method, `/v1/members/${memberId}/tokens${path}`, body);

  it('gives oneself another token, shown this one time, and takes it away', async () => {
    const me = await it_.person([{ appId, role: 'viewer' }]);
    const created = await tokens(me.token, me.id, 'POST', '', { name: 'Script' });
    assert.equal(created.status, 201, created.text);
    const second = pickText(created.body, 'token');
    assert.equal((await it_.ask(second, 'GET', '/v1/me')).status, 200);
    const listed = await tokens(me.token, me.id, 'GET');
    assert.ok(!listed.text.includes(second) && !listed.text.includes(hashSecret(second)));
    assert.deepEqual(
      pickList(listed.body, 'tokens').map((each) => pick(each, 'name')),
      ['Script', 'Test'],
    );

    const tokenId = pickText(created.body, 'tokenId');
    assert.equal((await tokens(me.token, me.id, 'DELETE', `/${tokenId}`)).status, 204);
    assert.equal((await it_.ask(second, 'GET', '/v1/me')).status, 401);
    assert.equal((await it_.ask(me.token, 'GET', '/v1/me')).status, 200);
    assert.equal((await tokens(me.token, me.id, 'DELETE', `/${tokenId}`)).status, 204);
    assert.equal((await it_.audit.page({ action: 'token.revoked' }, 10)).length, 1);
  });

  it('lets a token end at its instant', async () => {
    const me = await it_.person([]);
    const expiresAt = new Date(Date.now() + 60_000);
    const created = await tokens(me.token, me.id, 'POST', '', { name: 'Short', expiresAt: expiresAt.toISOString() });
    const token = pickText(created.body, 'token');
    const at = (now: number) => memberAuth({ ...it_, secrets: secretsTold(), now: () => now });
    const request = { headers: { authorization: `Bearer ${token}` } } as Parameters<
      ReturnType<typeof at>['authenticate']
    >[0];
    await at(expiresAt.getTime() - 1).authenticate(request);
    await assert.rejects(at(expiresAt.getTime()).authenticate(request), refusal('UNAUTHENTICATED'));
  });

  for (const { when, isUpToDate, most } of [
    { when: 'where all tokens are known', isUpToDate: true, most: 20 },
    { when: 'while they are not', isUpToDate: false, most: 500 },
  ])
    it(`lets the good ones through a flood of invented ones, ${when}`, async () => {
      const [me, unseen] = [await it_.person([]), await it_.person([])];
      const secrets = secretsTold(isUpToDate);
      const auth = memberAuth({ ...it_, secrets, now: () => 10_000 });
      const with_ = (token: string) =>
        auth.authenticate({ headers: { authorization: `Bearer ${token}` } } as Parameters<typeof auth.authenticate>[0]);
      await with_(me.token);
      const flood = await Promise.allSettled(Array.from({ length: 800 }, () => with_(newMemberToken())));
      const codes = flood.map(
        (each) => each.status === 'rejected' && each.reason instanceof PlatformError && each.reason.code,
      );
      assert.equal(codes.filter((code) => code === 'UNAUTHENTICATED').length, most);
      assert.equal(codes.filter((code) => code === 'RATE_LIMITED').length, 800 - most);
      assert.equal((await with_(me.token)).name, 'Somebody');
      await assert.rejects(with_(unseen.token), refusal('RATE_LIMITED'));
      secrets.add(hashSecret(unseen.token));
      assert.equal((await with_(unseen.token)).name, 'Somebody');
    });

  it('lets an admin replace the lost token of a developer, who has no rights beyond', async () => {
    const admin = await it_.person([{ appId, role: 'admin' }]);
    const developer = await it_.person([{ appId, role: 'developer' }]);
    const created = await tokens(admin.token, developer.id, 'POST', '', { name: 'New laptop' });
    assert.equal(created.status, 201);
    assert.equal(
      pick((await it_.ask(pickText(created.body, 'token'), 'GET', '/v1/me')).body, 'memberId'),
      developer.id,
    );
  });

  it('lets nobody become more than they are through the token of another', async () => {
    const admin = await it_.person([{ appId, role: 'admin' }]);
    const beyond = [
      await it_.person([{ appId, role: 'owner' }]),
      await it_.person([
        { appId, role: 'viewer' },
        { appId: otherAppId, role: 'viewer' },
      ]),
      await it_.person([{ appId, role: 'viewer' }], true),
      await it_.person([]),
      { id: new ObjectId().toHexString() },
    ];
    for (const { id } of beyond) {
      assert.equal((await tokens(admin.token, id, 'POST', '', { name: 'Mine' })).status, 404);
      assert.equal((await tokens(admin.token, id, 'GET')).status, 404);
      assert.equal((await tokens(admin.token, id, 'DELETE', `/${new ObjectId().toHexString()}`)).status, 404);
    }
  });

  it('takes away only tokens of that member', async () => {
    const [one, two] = [await it_.person([]), await it_.person([])];
    const created = await tokens(two.token, two.id, 'POST', '', { name: 'Hers' });
    assert.equal((await tokens(one.token, one.id, 'DELETE', `/${pickText(created.body, 'tokenId')}`)).status, 404);
    assert.equal((await it_.ask(pickText(created.body, 'token'), 'GET', '/v1/me')).status, 200);
  });

  // Last: whoever comes within a second of a flood, and has not been heard of, is put off with it.
  it('lets a new one through a flood within two seconds', async () => {
    const me = (token: string) => it_.ask(token, 'GET', '/v1/me');
    const flood = await Promise.all(Array.from({ length: 200 }, () => me(newMemberToken())));
    assert.ok(flood.some(({ status }) => status === 429));
    const { token } = await it_.person([]);
    await until('let in', async () => (await me(token)).status === 200, 2_000 + SLACK_MS);
  });
});
