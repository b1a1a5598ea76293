import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { SESSION_STATUSES, sessions, type SessionWrite } from '../../db/release-sessions.js';
import { management, type Management } from '../helper/management.js';
import { pick, pickList, pickText } from '../helper/pick.js';

const AT = new Date('2026-05-01T10:00:00Z');

describe('/v1/apps/:appId/releases', () => {
  let it_: Management;
  let appId: ObjectId;
  before(async () => {
    it_ = await management('releases');
    appId = (await it_.register('shop')).id;
  });
  after(() => it_.close());

  const ask = (method: string, path = '', body?: object, token = it_.owner.token, app = 'shop') =>
    it_.ask(token, method, `/v1/apps/${app}/releases${path}`, body);
  const serverKey = async (app = 'shop') => {
    const created = await it_.ask(it_.owner.token, 'POST', `/v1/apps/${app}/keys`, { kind: 'server' });
    return pickText(created.body, 'key');
  };
  const write = (writes: readonly SessionWrite[]) =>
    it_.client.withSession((session) => session.withTransaction(() => sessions(it_.db).write(writes, session, AT)));

  it('declares what went live, by a member or by a build server, and tells it once', async () => {
    const body = { version: 'shop@1.0.0+7', environment: 'production', at: AT.toISOString() };
    for (const token of [it_.owner.token, await serverKey()]) {
      const { status, body: release } = await ask('POST', '', body, token);
      assert.equal(status, 200);
      assert.equal(pick(release, 'declaredBy'), 'deploy');
      assert.deepEqual(pick(release, 'deploys'), [{ environment: 'production', at: AT.toISOString() }]);
    }
    const entries = await it_.audit.page({ appId, action: 'release.deployed' }, 10);
    assert.equal(entries.length, 1);
    await ask('POST', '', { ...body, environment: 'staging' }, await serverKey());
    const [entry] = await it_.audit.page({ appId, action: 'release.deployed' }, 10);
    assert.match(entry?.actor.name ?? '', /^server key [0-9a-f]{24}$/);
  });

  it('takes neither client keys nor the keys of other apps', async () => {
    const { key } = await it_.register('neighbour');
    const body = { version: '6.6.6' };
    assert.equal((await ask('POST', '', body, key, 'neighbour')).status, 401);
    const foreign = await ask('POST', '', body, await serverKey('neighbour'));
    assert.equal(foreign.status, 404);
    assert.equal(pick(foreign.body, 'detail'), 'no app shop');
    assert.equal((await ask('GET', '', undefined, await serverKey())).status, 401);
    assert.equal(await it_.db.collection('releases').countDocuments({ version: '6.6.6' }), 0);
  });

  it('shows crash-free sessions and profiles as a recount of what was told', async () => {
    const version = '2.0.0';
    let seed = 11;
    const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
    const profiles = Array.from({ length: 20 }, () => new ObjectId());
    const told = Array.from({ length: 400 }, (_, n) => ({
      type: 'session' as const,
      appId,
      sid: `s${String(random(300))}`,
      release: version,
      environment: n % 3 === 0 ? 'staging' : 'production',
      status: SESSION_STATUSES[random(20) === 0 ? 3 : random(3)] ?? 'ok',
      at: new Date(AT.getTime() + random(5) * 86_400_000),
      profileId: profiles[random(20)] ?? null,
    }));
    for (let n = 0; n < told.length; n += 40) await write(told.slice(n, n + 40));
    await ask('POST', '', { version });

    const worst = new Map<string, number>();
    for (const { sid, status } of told) {
      worst.set(sid, Math.max(worst.get(sid) ?? 0, SESSION_STATUSES.indexOf(status)));
    }
    const crashed = [...worst.values()].filter((rank) => rank === 3).length;
    const unlucky = new Set(
      told.filter(({ status }) => status === 'crashed').map(({ profileId }) => String(profileId)),
    );
    const seen = new Set(told.map(({ profileId }) => String(profileId)));

    const { body } = await ask('GET', `/${version}`);
    assert.ok(crashed > 0 && unlucky.size < seen.size);
    assert.equal(pick(body, 'sessions', 'total'), worst.size);
    assert.equal(pick(body, 'sessions', 'crashed'), crashed);
    assert.equal(pick(body, 'sessions', 'crashFree'), (worst.size - crashed) / worst.size);
    assert.deepEqual(pick(body, 'profiles'), {
      total: seen.size,
      crashed: unlucky.size,
      crashFree: (seen.size - unlucky.size) / seen.size,
    });
    const environments = pickList(body, 'environments');
    assert.deepEqual(
      environments.map((each) => pick(each, 'environment')),
      ['production', 'staging'],
    );
    const totals = environments.map((each) => Number(pick(each, 'sessions', 'total')));
    assert.equal(
      totals.reduce((a, b) => a + b),
      worst.size,
    );
    const listed = pickList((await ask('GET')).body, 'releases').find((each) => pick(each, 'version') === version);
    assert.deepEqual(pick(listed, 'sessions'), pick(body, 'sessions'));
  });

  it('shows no rate where there were no sessions', async () => {
    const { body } = await ask('POST', '', { version: '2.0.1' });
    assert.equal(pick(body, 'sessions', 'crashFree'), null);
    assert.equal(pick(body, 'profiles', 'crashFree'), null);
  });

  it('shows a release by its name, whatever stands in it and however long it is', async () => {
    const names = ['@scope/web@1.0.0-rc.1+b/7', 'a release #3 %41', 'ü'.repeat(200)];
    for (const version of names) {
      assert.equal((await ask('POST', '', { version })).status, 200, version);
      const { status, body } = await ask('GET', `/${encodeURIComponent(version)}`);
      assert.equal(status, 200, version);
      assert.equal(pick(body, 'version'), version);
    }
    assert.equal((await ask('GET', '/0.0.0')).status, 404);
  });

  it('counts the groups that were seen in it, and those that were new', async () => {
    const version = '3.0.0';
    await ask('POST', '', { version });
    const group = (releases: readonly string[], mergedInto: ObjectId | null = null) => ({
      appId,
      fingerprint: new ObjectId().toHexString(),
      releases,
      mergedInto,
    });
    const docs = [group(['3.0.0']), group(['2.0.0', '3.0.0']), group(['2.0.0']), group(['3.0.0'], new ObjectId())];
    await it_.db.collection('error_groups').insertMany(docs, { bypassDocumentValidation: true });
    const { body } = await ask('GET', `/${version}`);
    assert.deepEqual([pick(body, 'groups'), pick(body, 'newGroups')], [2, 1]);
  });

  it('pages through releases, newest first', async () => {
    await it_.register('paged');
    for (let n = 0; n < 5; n++) {
      const at = new Date(AT.getTime() + n * 1_000).toISOString();
      await ask('POST', '', { version: `1.${String(n)}.0`, at }, it_.owner.token, 'paged');
    }
    const seen: unknown[] = [];
    for (let query = '?limit=2'; ;) {
      const { body } = await ask('GET', query, undefined, it_.owner.token, 'paged');
      seen.push(...pickList(body, 'releases').map((each) => pick(each, 'version')));
      const next = pick(body, 'next');
      if (typeof next !== 'string') break;
      query = `?limit=2&before=${next}`;
    }
    assert.deepEqual(seen, ['1.4.0', '1.3.0', '1.2.0', '1.1.0', '1.0.0']);
  });

  const wrong: readonly [what: string, body: object][] = [
    ['no version', {}],
    ['an empty version', { version: '' }],
    ['a version that is a way up', { version: '..' }],
    ['a version that is too long', { version: 'x'.repeat(201) }],
    ['a version of several lines', { version: '1\n2' }],
    ['a time that lies ahead', { version: '1.0.0', at: '2999-01-01T00:00:00Z' }],
    ['an unknown field', { version: '1.0.0', declaredBy: 'seen' }],
  ];
  for (const [what, body] of wrong) {
    it(`refuses ${what}`, async () => {
      assert.equal((await ask('POST', '', body)).status, 400);
    });
  }
});
