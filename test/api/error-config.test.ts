import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type AppConfig, DEFAULT_APP_CONFIG } from '../../domain/app.js';
import { management, type Management } from '../helper/management.js';
import { pick, pickText } from '../helper/pick.js';

const DEFAULTS = DEFAULT_APP_CONFIG.errors;

describe("an app's settings for errors", () => {
  let it_: Management;
  before(async () => {
    it_ = await management('error-config');
    await it_.register('shop');
  });
  after(() => it_.close());
  const change = (errors: object, appId = 'shop') =>
    it_.ask(it_.owner.token, 'PATCH', `/v1/apps/${appId}`, { config: { errors } });
  const stored = async (appId = 'shop'): Promise<AppConfig['errors'] | undefined> =>
    (await it_.apps.findBySlug(appId))?.config.errors;

  it('are the defaults at first, also of an app from before there were any', async () => {
    assert.deepEqual(await stored(), DEFAULTS);
    await it_.register('old');
    await it_.db.collection('app_registrations').updateOne({ appId: 'old' }, { $unset: { 'config.errors': 1 } });
    const { body } = await it_.ask(it_.owner.token, 'GET', '/v1/apps/old');
    assert.deepEqual(pick(body, 'config', 'errors'), DEFAULTS);
    assert.equal((await change({ reminderHours: 1 }, 'old')).status, 200);
    assert.deepEqual(await stored('old'), { ...DEFAULTS, reminderHours: 1 });
  });

  it('are changed part by part, a list as a whole, and told in the audit log', async () => {
    await change({ maxErrorsPerDay: 5, scrub: { emails: true, keys: ['a', 'b'] } });
    await change({ scrub: { keys: ['c'], patterns: ['acct-\\d+'] }, filters: { messages: ['Resize*'] } });
    const { status, body } = await change({ autoResolveDays: 30, filters: { localhost: true } });
    assert.equal(status, 200);
    const expected = {
      ...DEFAULTS,
      maxErrorsPerDay: 5,
      autoResolveDays: 30,
      scrub: { emails: true, ips: false, keys: ['c'], patterns: ['acct-\\d+'] },
      filters: { browserExtensions: true, localhost: true, releases: [], messages: ['Resize*'] },
    };
    assert.deepEqual(pick(body, 'config', 'errors'), expected);
    assert.deepEqual(await stored(), expected);
    const audit = await it_.ask(it_.owner.token, 'GET', '/v1/apps/shop/audit?limit=1');
    assert.equal(pick(audit.body, 'entries', 0, 'before', 'config', 'errors', 'autoResolveDays'), 0);
    assert.equal(pick(audit.body, 'entries', 0, 'after', 'config', 'errors', 'autoResolveDays'), 30);

    await it_.ask(it_.owner.token, 'PATCH', '/v1/apps/shop', { config: { eventRetentionDays: 8 } });
    assert.deepEqual(await stored(), expected, 'another setting leaves them alone');
    await change({ scrub: { keys: [], patterns: [] } });
    assert.deepEqual((await stored())?.scrub, { emails: true, ips: false, keys: [], patterns: [] });
  });

  const wrong: readonly [what: string, errors: object][] = [
    ['a quota below zero', { maxErrorsPerDay: -1 }],
    ['no retention', { retentionDays: 0 }],
    ['eleven years', { retentionDays: 3_651 }],
    ['nothing stored', { maxStoredPerGroup: 0 }],
    ['too much stored', { maxStoredPerGroup: 10_001 }],
    ['a fraction', { releaseMinProfiles: 1.5 }],
    ['proof without sessions', { proofOfFixSessions: 0 }],
    ['a reminder after years', { reminderHours: 8_761 }],
    ['a text for a number', { autoResolveDays: 'never' }],
    ['an unknown setting', { colour: 'red' }],
    ['an unknown part', { scrub: { colours: true } }],
    ['an object for a list', { scrub: { keys: { a: 1 } } }],
    ['an empty key', { scrub: { keys: [''] } }],
    ['a pattern that is none', { scrub: { patterns: ['('] } }],
    ['a pattern of another engine', { scrub: { patterns: ['(?=x)'] } }],
    ['a pattern for everything', { scrub: { patterns: ['x*'] } }],
    ['a pattern that is too long', { scrub: { patterns: ['x'.repeat(201)] } }],
    ['patterns that are too large', { scrub: { patterns: ['a{500}b', 'c{500}d'] } }],
    ['too many patterns', { scrub: { patterns: Array.from({ length: 21 }, (_, n) => `p${String(n)}`) } }],
    ['too many globs', { filters: { messages: Array.from({ length: 51 }, (_, n) => `m${String(n)}`) } }],
    ['a glob that is too long', { filters: { releases: ['*'.repeat(201)] } }],
  ];
  for (const [what, errors] of wrong) {
    it(`refuse ${what}, for a new app too`, async () => {
      const before_ = await stored();
      const changed = await change(errors);
      assert.equal(changed.status, 400, changed.text);
      assert.equal(pickText(changed.body, 'code'), 'REQUEST_INVALID');
      assert.deepEqual(await stored(), before_);
      const body = { appId: 'wrong', name: 'Wrong', config: { errors } };
      assert.equal((await it_.ask(it_.owner.token, 'POST', '/v1/apps', body)).status, 400);
      assert.equal(await stored('wrong'), undefined);
    });
  }
});
