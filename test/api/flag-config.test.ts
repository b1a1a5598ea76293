import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type AppConfig, DEFAULT_APP_CONFIG } from '../../domain/app.js';
import { management, type Management } from '../helper/management.js';
import { pick, pickText } from '../helper/pick.js';

const DEFAULTS = DEFAULT_APP_CONFIG.flags;

describe("an app's settings for flags", () => {
  let it_: Management;
  before(async () => {
    it_ = await management('flag-config');
    await it_.register('shop');
  });
  after(() => it_.close());
  const change = (flags: object, appId = 'shop') =>
    it_.ask(it_.owner.token, 'PATCH', `/v1/apps/${appId}`, { config: { flags } });
  const stored = async (appId = 'shop'): Promise<AppConfig['flags'] | undefined> =>
    (await it_.apps.findBySlug(appId))?.config.flags;

  it('are the defaults at first, also of an app from before there were any', async () => {
    assert.deepEqual(await stored(), DEFAULTS);
    await it_.register('old');
    await it_.db.collection('app_registrations').updateOne({ appId: 'old' }, { $unset: { 'config.flags': 1 } });
    const { body } = await it_.ask(it_.owner.token, 'GET', '/v1/apps/old');
    assert.deepEqual(pick(body, 'config', 'flags'), DEFAULTS);
    assert.equal((await change({ staleAfterDays: 1 }, 'old')).status, 200);
    assert.deepEqual(await stored('old'), { ...DEFAULTS, staleAfterDays: 1 });
  });

  it('are changed one by one, and told in the audit log', async () => {
    await change({ approval: true });
    const { status, body } = await change({ staleAfterDays: 0 });
    assert.equal(status, 200);
    assert.deepEqual(pick(body, 'config', 'flags'), { ...DEFAULTS, approval: true, staleAfterDays: 0 });
    const audit = await it_.ask(it_.owner.token, 'GET', '/v1/apps/shop/audit?limit=1');
    assert.equal(pick(audit.body, 'entries', 0, 'before', 'config', 'flags', 'staleAfterDays'), 30);
    assert.equal(pick(audit.body, 'entries', 0, 'after', 'config', 'flags', 'staleAfterDays'), 0);
  });

  const wrong: readonly [what: string, flags: object][] = [
    ['days below zero', { staleAfterDays: -1 }],
    ['eleven years', { staleAfterDays: 3_651 }],
    ['a text for a switch', { approval: 'perhaps' }],
    ['an unknown setting', { colour: 'red' }],
  ];
  for (const [what, flags] of wrong) {
    it(`refuse ${what}`, async () => {
      const before_ = await stored();
      const changed = await change(flags);
      assert.equal(changed.status, 400, changed.text);
      assert.equal(pickText(changed.body, 'code'), 'REQUEST_INVALID');
      assert.deepEqual(await stored(), before_);
    });
  }
});
