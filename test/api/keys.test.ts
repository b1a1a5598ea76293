import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { appKeyAuth } from '../../api/auth.js';
import { hashSecret } from '../../api/secrets.js';
import { management, type Management } from '../helper/management.js';
import { pick, pickList, pickText } from '../helper/pick.js';
import { refusal } from '../helper/refusal.js';
import { secretsTold } from '../helper/secrets.js';
import { SLACK_MS, until } from '../helper/until.js';

const HOUR_MS = 3_600_000;

describe('/v1/apps/:appId/keys', () => {
  let it_: Management;
  let appId: ObjectId;
  before(async () => {
    it_ = await management('keys');
    appId = (await it_.register('shop')).id;
  });
  after(() => it_.close());

  const ask = (method: string, path = '', body?: object) =>
    it_.ask(it_.owner.token, method, `/v1/apps/shop/keys${path}`, body);
  const create = async (body: object = { kind: 'client' }) => {
    const answer = await ask('POST', '', body);
    assert.equal(answer.status, 201, answer.text);
    return { keyId: pickText(answer.body, 'keyId'), key: pickText(answer.body, 'key'), body: answer.body };
  };
  const newAuth = () => appKeyAuth({ appKeys: it_.appKeys, secrets: secretsTold() });
  const works = async (key: string, origin?: string) => (await newAuth().authenticateKey(key, origin)).keyId;

  it('creates keys of both kinds that work at once, shown this one time', async () => {
    for (const kind of ['client', 'server']) {
      const { keyId, key } = await create({ kind, name: `A ${kind}` });
      assert.equal(await works(key), keyId);
      const list = await ask('GET');
      assert.ok(!list.text.includes(key) && !list.text.includes(hashSecret(key)));
      const listed = pickList(list.body, 'keys').find((each) => pick(each, 'keyId') === keyId);
      assert.equal(pick(listed, 'prefix'), key.slice(0, 8));
      assert.equal(pick(listed, 'kind'), kind);
      assert.equal(pick(listed, 'name'), `A ${kind}`);
    }
  });

  it('keeps the seed’s key fields at the newest client key', async () => {
    const { key } = await create();
    await create({ kind: 'server' });
    const stored = await it_.db.collection('app_registrations').findOne({ _id: appId });
    assert.equal(stored?.['apiKey'], hashSecret(key));
    assert.equal(stored['apiKeyPrefix'], key.slice(0, 8));
  });

  it('rotates: both keys work during the overlap, the old one not a moment longer', async () => {
    const old = await create({ kind: 'client', name: 'Web', origins: ['https://app.example.com'] });
    const rotated = await ask('POST', `/${old.keyId}/rotate`, { overlapHours: 2 });
    assert.equal(rotated.status, 201, rotated.text);
    const key = pickText(rotated.body, 'key', 'key');
    assert.equal(pick(rotated.body, 'key', 'kind'), 'client');
    assert.equal(pick(rotated.body, 'key', 'name'), 'Web');
    assert.deepEqual(pick(rotated.body, 'key', 'origins'), ['https://app.example.com']);
    assert.equal(pick(rotated.body, 'previous', 'replacedBy'), pick(rotated.body, 'key', 'keyId'));
    await works(key);
    await works(old.key);

    const end = Date.parse(pickText(rotated.body, 'previous', 'expiresAt'));
    assert.ok(Math.abs(end - Date.now() - 2 * HOUR_MS) < 60_000);
    const later = appKeyAuth({ appKeys: it_.appKeys, secrets: secretsTold(), now: () => end });
    await assert.rejects(async () => later.authenticateKey(old.key, undefined), refusal('UNAUTHENTICATED'));
    await later.authenticateKey(key, undefined);

    const stored = await it_.db.collection('app_registrations').findOne({ _id: appId });
    assert.equal(stored?.['apiKey'], hashSecret(key));
  });

  it('never lengthens a life by rotating', async () => {
    const expiresAt = new Date(Date.now() + HOUR_MS).toISOString();
    const { keyId } = await create({ kind: 'server', expiresAt });
    const rotated = await ask('POST', `/${keyId}/rotate`, { overlapHours: 24 });
    assert.equal(pick(rotated.body, 'previous', 'expiresAt'), expiresAt);
    assert.equal(pick(rotated.body, 'key', 'expiresAt'), null);
  });

  it('rotates a key once, also when asked twice at the same moment', async () => {
    const { keyId } = await create();
    const both = await Promise.all([1, 2].map(() => ask('POST', `/${keyId}/rotate`, {})));
    assert.deepEqual(both.map(({ status }) => status).sort(), [201, 409]);
    assert.equal((await ask('POST', `/${keyId}/rotate`, {})).status, 409);
  });

  it('does not rotate what no longer works', async () => {
    const { keyId } = await create();
    await ask('DELETE', `/${keyId}`);
    assert.equal((await ask('POST', `/${keyId}/rotate`, {})).status, 409);
  });

  it('revokes: gone for processes that never saw the key at once, and within 5 s for one that uses it', async () => {
    const { keyId, key } = await create();
    const using = newAuth();
    await using.authenticateKey(key, undefined);
    assert.equal((await ask('DELETE', `/${keyId}`)).status, 204);
    const revokedAt = performance.now();
    await assert.rejects(works(key), refusal('UNAUTHENTICATED'));
    await until('refused', async () => {
      try {
        await using.authenticateKey(key, undefined);
        return false;
      } catch (error) {
        return refusal('UNAUTHENTICATED')(error);
      }
    });
    assert.ok(performance.now() - revokedAt < 5_000 + SLACK_MS, 'still let in after 5 seconds');
    assert.equal((await ask('DELETE', `/${keyId}`)).status, 204);
    const revocations = await it_.audit.page({ appId, action: 'key.revoked' }, 200);
    assert.equal(revocations.filter(({ target }) => target.id.toHexString() === keyId).length, 1);
  });

  it('binds a key to origins, which can be changed', async () => {
    const { keyId, key } = await create({ kind: 'client', origins: ['https://app.example.com', '*.example.org'] });
    await works(key, 'https://app.example.com');
    await works(key, 'https://a.example.org');
    await works(key);
    await assert.rejects(works(key, 'https://evil.test'), refusal('ORIGIN_NOT_ALLOWED'));
    const changed = await ask('PATCH', `/${keyId}`, { origins: ['https://evil.test'] });
    assert.deepEqual(pick(changed.body, 'origins'), ['https://evil.test']);
    await works(key, 'https://evil.test');
    await assert.rejects(works(key, 'https://app.example.com'), refusal('ORIGIN_NOT_ALLOWED'));
  });

  it('shows when a key was last used', async () => {
    const { keyId, key } = await create();
    await works(key);
    const lastUsed = async () => {
      const listed = pickList((await ask('GET')).body, 'keys').find((each) => pick(each, 'keyId') === keyId);
      return pick(listed, 'lastUsedAt');
    };
    const first = String(await until('its first use', lastUsed));
    assert.ok(Math.abs(Date.now() - Date.parse(first)) < 120_000);
    // Another process within the same minute leaves it.
    await it_.appKeys.touch(ObjectId.createFromHexString(keyId), new Date(Date.parse(first) + 59_000));
    assert.equal(await lastUsed(), first);
    await it_.appKeys.touch(ObjectId.createFromHexString(keyId), new Date(Date.parse(first) + 61_000));
    assert.notEqual(await lastUsed(), first);
  });

  it('pages through keys, newest first', async () => {
    await it_.register('paged');
    for (let count = 0; count < 4; count += 1) {
      await it_.ask(it_.owner.token, 'POST', '/v1/apps/paged/keys', { kind: 'server' });
    }
    const seen: unknown[] = [];
    for (let query = '?limit=2'; ;) {
      const { body } = await it_.ask(it_.owner.token, 'GET', `/v1/apps/paged/keys${query}`);
      seen.push(...pickList(body, 'keys').map((each) => pick(each, 'keyId')));
      const next = pick(body, 'next');
      if (typeof next !== 'string') break;
      query = `?limit=2&before=${next}`;
    }
    assert.equal(new Set(seen).size, 5);
    assert.deepEqual(seen, seen.toSorted().reverse());
  });

  it('knows only the keys of its own app', async () => {
    const { keyId } = await it_.register('neighbour');
    assert.equal((await ask('DELETE', `/${keyId}`)).status, 404);
    assert.equal((await ask('PATCH', `/${keyId}`, { name: 'Mine' })).status, 404);
    assert.equal((await ask('POST', `/${keyId}/rotate`, {})).status, 404);
  });

  const wrong: readonly [what: string, body: object][] = [
    ['another kind', { kind: 'admin' }],
    ['no kind', {}],
    ['an unknown field', { kind: 'client', hash: 'x' }],
    ['an origin with a path', { kind: 'client', origins: ['https://app.example.com/x'] }],
    ['a bare star', { kind: 'client', origins: ['*'] }],
    [
      'too many origins',
      { kind: 'client', origins: Array.from({ length: 51 }, (_, n) => `https://a${String(n)}.test`) },
    ],
    ['an expiry in the past', { kind: 'client', expiresAt: '2020-01-01T00:00:00Z' }],
    ['an expiry that is no time', { kind: 'client', expiresAt: 'tomorrow' }],
  ];
  for (const [what, body] of wrong) {
    it(`refuses ${what}`, async () => {
      const answer = await ask('POST', '', body);
      assert.equal(answer.status, 400, answer.text);
      assert.equal(pick(answer.body, 'code'), 'REQUEST_INVALID');
    });
  }

  it('refuses an overlap below nothing and beyond a year', async () => {
    const { keyId } = await create();
    for (const overlapHours of [-1, 24 * 365 + 1, 0.5]) {
      assert.equal((await ask('POST', `/${keyId}/rotate`, { overlapHours })).status, 400);
    }
  });
});
