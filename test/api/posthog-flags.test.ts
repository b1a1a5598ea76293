import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { PostHog } from 'posthog-node';
import { identityProof, identitySecret } from '../../api/identity-proof.js';
import type { AppConfig } from '../../domain/app.js';
import { browserPage, noBrowser } from '../helper/browser.js';
import { conditionOf, flagEditor, type FlagEditor } from '../helper/flag-editor.js';
import { newRule } from '../helper/flags.js';
import { ingest, type Ingest, type Message, SECRET_KEY, type Sender } from '../helper/ingest.js';

interface PostHogAnswer {
  readonly flags: Readonly<Record<string, { readonly enabled: boolean; readonly reason: { readonly code: string } }>>;
  readonly errorsWhileComputingFlags: boolean;
}

describe("PostHog's flags", () => {
  let it_: Ingest;
  let edit: FlagEditor;
  let url = '';
  let count = 0;
  before(async () => {
    it_ = await ingest('posthog_flags');
    edit = flagEditor(it_.client, it_.db);
    url = await it_.api.listen({ host: '127.0.0.1', port: 0 });
  });
  after(() => it_.close());

  async function shop(config: Partial<AppConfig> = {}): Promise<Sender> {
    const from = await it_.register(`shop-${String((count += 1))}`, config);
    const pros = { conditions: [conditionOf('plan', 'equals', 'pro')] };
    await edit.create(from.app, 'new-checkout', { rules: [newRule('pros', pros)] });
    await edit.create(from.app, 'button', { type: 'string', defaultValue: 'blue' });
    await edit.create(from.app, 'limits', { type: 'json', defaultValue: { max: 5 } });
    await edit.create(from.app, 'off', { enabled: false, type: 'string', defaultValue: 'grey' });
    return from;
  }
  async function send(body: NonNullable<Message['body']>, more: Message = {}) {
    const answer = await it_.send({ url: '/flags/?v=2', body, key: null, ...more });
    return { ...answer, body: answer.body as unknown as PostHogAnswer };
  }

  it('are read by posthog-node: on or off, the variant, the payload', async () => {
    const from = await shop();
    const client = new PostHog(from.key, { host: url, flushAt: 1 });
    try {
      /* eslint-disable @typescript-eslint/no-deprecated -- what apps call today */
      const of = (personProperties: Record<string, string>) => ({ personProperties, sendFeatureFlagEvents: false });
      assert.equal(await client.isFeatureEnabled('new-checkout', 'ada', of({ plan: 'pro' })), true);
      assert.equal(await client.isFeatureEnabled('new-checkout', 'ada', of({ plan: 'free' })), false);
      assert.equal(await client.getFeatureFlag('button', 'ada', of({})), 'blue');
      assert.equal(await client.getFeatureFlag('off', 'ada', of({})), false);
      assert.deepEqual(await client.getFeatureFlagPayload('limits', 'ada', undefined, of({})), { max: 5 });
      /* eslint-enable @typescript-eslint/no-deprecated */
      const all = await client.getAllFlags('ada', { personProperties: { plan: 'pro' } });
      assert.deepEqual(all, { 'new-checkout': true, button: 'blue', limits: true, off: false });
    } finally {
      await client.shutdown();
    }
  });

  it('are read by posthog-js in a page of another site', { skip: noBrowser() }, async () => {
    const from = await shop();
    const page = await browserPage(`
      import posthog from 'posthog-js/dist/module.full.no-external';
      posthog.init(${JSON.stringify(from.key)}, {
        api_host: ${JSON.stringify(url)}, opt_out_useragent_filter: true, bootstrap: { distinctID: 'ada' },
      });
      posthog.setPersonPropertiesForFlags({ plan: 'pro' }, false);
      posthog.reloadFeatureFlags();
      posthog.onFeatureFlags(() => {
        window.flags = {
          on: posthog.isFeatureEnabled('new-checkout'),
          button: posthog.getFeatureFlag('button'),
          off: posthog.isFeatureEnabled('off'),
          limits: posthog.getFeatureFlagPayload('limits'),
        };
      });
    `);
    try {
      await page.page.waitForFunction('window.flags?.on === true', undefined, { timeout: 60_000 });
      const flags: unknown = await page.page.evaluate('window.flags');
      assert.deepEqual(flags, { on: true, button: 'blue', off: false, limits: { max: 5 } });
    } finally {
      await page.close();
    }
  });

  it('are asked with gzip that nobody mentions, for some of them, and by who is proved', async () => {
    const from = await shop({ identityProof: true });
    const question = { token: from.key, distinct_id: 'ada', flag_keys_to_evaluate: ['button', 'nothing'] };
    const { status, body } = await send(gzipSync(JSON.stringify(question)), { type: 'text/plain' });
    assert.deepEqual([status, Object.keys(body.flags), body.errorsWhileComputingFlags], [200, ['button'], false]);

    const proof = identityProof(identitySecret(SECRET_KEY, from.app, from.app.identity.version), 'ada');
    const properties = { $set: { plan: 'pro' }, $identity_proof: proof };
    const event = { api_key: from.key, event: '$set', distinct_id: 'ada', uuid: crypto.randomUUID(), properties };
    assert.equal((await send(event, { url: '/capture/' })).status, 200);
    await it_.storeAll();
    const on = async (person_properties: object) =>
      (await send({ token: from.key, distinct_id: 'ada', person_properties })).body.flags['new-checkout']?.enabled;
    assert.equal(await on({}), false);
    assert.equal(await on({ $identity_proof: proof }), true);
  });

  it('say which could not be evaluated, and refuse what is no question', async () => {
    const from = await shop();
    await edit.create(from.app, 'by-device', {
      rules: [newRule('half', { rolloutPercentage: 50, bucketBy: 'device' })],
    });
    const { body } = await send({ token: from.key, distinct_id: 'ada' });
    assert.deepEqual([body.errorsWhileComputingFlags, 'by-device' in body.flags], [true, false]);
    assert.equal(body.flags['new-checkout']?.reason.code, 'no_condition_match');
    const given = await send({ token: from.key, distinct_id: 'ada', person_properties: { device: 'd1' } });
    assert.equal(given.body.errorsWhileComputingFlags, false);
    assert.equal((await send({ distinct_id: 'ada' })).status, 401);
    assert.equal((await send({ token: from.key })).status, 400);
    for (const bad of ['', '{', '5', '[]']) assert.ok([400, 401].includes((await send(bad)).status), bad);
    for (const bad of ['{', '[]']) assert.equal((await send(bad, { key: from.key })).status, 400, bad);
  });
});
