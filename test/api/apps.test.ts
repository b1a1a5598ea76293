import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createHmac } from 'node:crypto';
import { hashSecret } from '../../api/secrets.js';
import { verifyIdentityProof } from '../../api/identity-proof.js';
import { DEFAULT_APP_CONFIG } from '../../domain/app.js';
import { management, type Management, SECRET_KEY } from '../helper/management.js';
import { pick, pickList, pickText } from '../helper/pick.js';

describe('/v1/apps', () => {
  let it_: Management;
  before(async () => {
    it_ = await management('apps');
  });
  after(() => it_.close());
  const asOwner = (method: 'GET' | 'POST' | 'PATCH', url: string, body?: object) =>
    it_.ask(it_.owner.token, method, url, body);

  it('registers an app with the defaults and a first client key, which is stored as a hash only', async () => {
    const { status, body } = await asOwner('POST', '/v1/apps', { appId: 'shop', name: 'Shop' });
    assert.equal(status, 201);
    assert.deepEqual(pick(body, 'app', 'config'), {
      eventRetentionDays: 90,
      heatmapRetentionDays: 30,
      maxEventsPerDay: 1_000_000,
      maxSessionsPerDay: 1_000_000,
      maxFeedbackPerDay: 10_000,
      identityProof: false,
      errors: DEFAULT_APP_CONFIG.errors,
      flags: DEFAULT_APP_CONFIG.flags,
    });
    const key = pickText(body, 'clientKey', 'key');
    const stored = await it_.db.collection('app_registrations').findOne({ appId: 'shop' });
    assert.equal(stored?.['apiKey'], hashSecret(key));
    assert.equal(stored['apiKeyPrefix'], key.slice(0, 8));
    assert.equal(String(stored['ownerProfileId']), it_.owner.id);
    const found = await it_.appKeys.findWithApp(hashSecret(key));
    assert.equal(found?.app.appId, 'shop');
    for (const { name } of await it_.db.listCollections({}, { nameOnly: true }).toArray()) {
      if (name.startsWith('system.')) continue;
      const all = JSON.stringify(await it_.db.collection(name).find().toArray());
      assert.ok(!all.includes(key), `the key stands in ${name}`);
    }
  });

  it('takes settings at registration and changes them one by one', async () => {
    const config = { eventRetentionDays: 7, identityProof: true };
    await asOwner('POST', '/v1/apps', { appId: 'settings', name: 'Settings', config });
    const changed = await asOwner('PATCH', '/v1/apps/settings', { config: { maxEventsPerDay: 0 } });
    assert.equal(changed.status, 200);
    assert.deepEqual(pick(changed.body, 'config'), {
      eventRetentionDays: 7,
      heatmapRetentionDays: 30,
      maxEventsPerDay: 0,
      maxSessionsPerDay: 1_000_000,
      maxFeedbackPerDay: 10_000,
      identityProof: true,
      errors: DEFAULT_APP_CONFIG.errors,
      flags: DEFAULT_APP_CONFIG.flags,
    });
    const renamed = await asOwner('PATCH', '/v1/apps/settings', { name: 'Other' });
    assert.equal(pick(renamed.body, 'name'), 'Other');
    assert.deepEqual(pick((await asOwner('GET', '/v1/apps/settings')).body), pick(renamed.body));
  });

  it('refuses a slug that is taken, and takes no number for it', async () => {
    await it_.register('taken');
    const { status, body } = await asOwner('POST', '/v1/apps', { appId: 'taken', name: 'Again' });
    assert.equal(status, 409);
    assert.equal(pick(body, 'code'), 'CONFLICT');
    const { body: next } = await asOwner('POST', '/v1/apps', { appId: 'next', name: 'Next' });
    const taken = await it_.apps.findBySlug('taken');
    assert.equal(pick(next, 'app', 'dsnId'), (taken?.dsnId ?? 0) + 1);
  });

  it('gives each app a number of its own when many are registered at once', async () => {
    const slugs = Array.from({ length: 20 }, (_, index) => `many-${String(index)}`);
    const answers = await Promise.all(slugs.map((appId) => asOwner('POST', '/v1/apps', { appId, name: appId })));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([201]));
    const numbers = answers.map(({ body }) => Number(pick(body, 'app', 'dsnId'))).sort((a, b) => a - b);
    assert.equal(new Set(numbers).size, 20);
    assert.equal((numbers.at(-1) ?? 0) - (numbers[0] ?? 0), 19);
  });

  it('lets one of two win who register the same slug at once', async () => {
    const both = await Promise.all([1, 2].map(() => asOwner('POST', '/v1/apps', { appId: 'race', name: 'Race' })));
    assert.deepEqual(both.map(({ status }) => status).sort(), [201, 409]);
  });

  const wrong: readonly [what: string, body: object][] = [
    ['no name', { appId: 'wrong' }],
    ['an unknown field', { appId: 'wrong', name: 'Wrong', colour: 'red' }],
    ['an unknown setting', { appId: 'wrong', name: 'Wrong', config: { colour: 'red' } }],
    ['a slug with capitals', { appId: 'Wrong', name: 'Wrong' }],
    ['a long name', { appId: 'wrong', name: 'x'.repeat(101) }],
    ['a name of two lines', { appId: 'wrong', name: 'a\nb' }],
    ['no retention', { appId: 'wrong', name: 'Wrong', config: { eventRetentionDays: 0 } }],
    ['eleven years', { appId: 'wrong', name: 'Wrong', config: { heatmapRetentionDays: 3651 } }],
    ['half a day', { appId: 'wrong', name: 'Wrong', config: { eventRetentionDays: 1.5 } }],
    ['a quota below zero', { appId: 'wrong', name: 'Wrong', config: { maxEventsPerDay: -1 } }],
    ['a quota beyond counting', { appId: 'wrong', name: 'Wrong', config: { maxEventsPerDay: 1e12 + 1 } }],
  ];
  for (const [what, body] of wrong) {
    it(`refuses ${what}`, async () => {
      const answer = await asOwner('POST', '/v1/apps', body);
      assert.equal(answer.status, 400, answer.text);
      assert.equal(pick(answer.body, 'code'), 'REQUEST_INVALID');
      assert.equal(await it_.apps.findBySlug('wrong'), undefined);
    });
  }

  it('lists the apps one has a role in, page by page, newest first', async () => {
    const apps = [];
    for (const slug of ['page-a', 'page-b', 'page-c']) apps.push(await it_.register(slug));
    const { token } = await it_.person(apps.map(({ id }) => ({ appId: id, role: 'viewer' as const })));
    const first = await it_.ask(token, 'GET', '/v1/apps?limit=2');
    assert.deepEqual(
      pickList(first.body, 'apps').map((each) => pick(each, 'appId')),
      ['page-c', 'page-b'],
    );
    const second = await it_.ask(token, 'GET', `/v1/apps?limit=2&before=${pickText(first.body, 'next')}`);
    assert.deepEqual(
      pickList(second.body, 'apps').map((each) => pick(each, 'appId')),
      ['page-a'],
    );
    assert.equal(pick(second.body, 'next'), null);
    const { token: stranger } = await it_.person([]);
    assert.deepEqual((await it_.ask(stranger, 'GET', '/v1/apps')).body, { apps: [], next: null });
    for (const query of ['limit=0', 'limit=201', 'limit=x', 'before=x', 'colour=red']) {
      assert.equal((await it_.ask(token, 'GET', `/v1/apps?${query}`)).status, 400, query);
    }
  });

  it('hands out a secret whose proofs are believed, and rotates it with an overlap', async () => {
    const { appId } = await it_.register('proof');
    const first = await asOwner('GET', `/v1/apps/${appId}/identity-secret`);
    const proof = createHmac('sha256', pickText(first.body, 'secret')).update('user-1').digest('hex');
    const believed = async () => {
      const app = await it_.apps.findBySlug(appId);
      assert.ok(app !== undefined);
      return verifyIdentityProof({ secretKey: SECRET_KEY, app, profileId: 'user-1', proof });
    };
    assert.equal(await believed(), true);

    const rotated = await asOwner('POST', `/v1/apps/${appId}/identity-secret/rotate`, { overlapHours: 1 });
    assert.equal(rotated.status, 200);
    assert.notEqual(pickText(rotated.body, 'secret'), pickText(first.body, 'secret'));
    assert.equal(await believed(), true);
    await asOwner('POST', `/v1/apps/${appId}/identity-secret/rotate`, { overlapHours: 0 });
    assert.equal(await believed(), false);
  });
});
