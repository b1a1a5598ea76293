import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { ObjectId } from 'mongodb';
import { identityProof, identitySecret } from '../../api/identity-proof.js';
import type { FlagSetDoc } from '../../db/flag-sets.js';
import { profileIdOf } from '../../db/ids.js';
import { type AppConfig, DEFAULT_APP_CONFIG } from '../../domain/app.js';
import type { Reason } from '../../domain/flag.js';
import { decodeUserFlagSet } from '../../proto/codec.js';
import { conditionOf, flagEditor, type FlagEditor } from '../helper/flag-editor.js';
import { newRule } from '../helper/flags.js';
import { ask, ingest, ingestApi, type Ingest, SECRET_KEY, type Sender } from '../helper/ingest.js';
import { until } from '../helper/until.js';

interface SetBody {
  readonly profileId: string;
  readonly appId: string;
  readonly version: number;
  readonly computedAt: string;
  readonly flags: Readonly<Record<string, unknown>>;
  readonly reasons: Readonly<Record<string, { readonly reason: Reason; readonly bucket?: number }>>;
  readonly code: string;
}

const planRule = newRule('pros', { conditions: [conditionOf('plan', 'equals', 'pro')] });

describe('a set of flags', () => {
  let it_: Ingest;
  let edit: FlagEditor;
  let count = 0;
  before(async () => {
    it_ = await ingest('flag_serving');
    edit = flagEditor(it_.client, it_.db);
  });
  after(() => it_.close());

  async function shop(config: Partial<AppConfig> = {}): Promise<Sender> {
    const from = await it_.register(`shop-${String((count += 1))}`, config);
    await edit.create(from.app, 'pro', { rules: [planRule] });
    return from;
  }

  async function get(from: Sender, profileId: string, headers: Record<string, string> = {}, api = it_.api) {
    const url = `/v1/flags?profileId=${encodeURIComponent(profileId)}`;
    const { status, headers: sent, raw, body } = await ask(api, { method: 'GET', url, key: from.key, headers });
    return { status, etag: String(sent['etag']), headers: sent, raw, body: body as unknown as SetBody };
  }

  /** As identify and alias leave them. */
  async function identify(from: Sender, externalId: string, attributes: object): Promise<void> {
    const body = { api_key: from.key, event: '$set', distinct_id: externalId, properties: { $set: attributes } };
    assert.equal(
      (await it_.send({ url: '/capture/', key: from.key, body: { ...body, uuid: crypto.randomUUID() } })).status,
      200,
    );
    await it_.storeAll();
  }
  async function alias(from: Sender, alias_: string, externalId: string): Promise<void> {
    const properties = { distinct_id: externalId, alias: alias_ };
    const body = { api_key: from.key, event: '$create_alias', distinct_id: externalId, properties };
    assert.equal(
      (await it_.send({ url: '/capture/', key: from.key, body: { ...body, uuid: crypto.randomUUID() } })).status,
      200,
    );
    await it_.storeAll();
  }
  const sets = () => it_.db.collection<FlagSetDoc>('user_flag_sets');
  const setOf = ({ app }: Sender, externalId: string) =>
    sets().findOne({ appId: app.id, profileId: profileIdOf(app.id, externalId) });

  it('is answered from the profile’s attributes as JSON, with why and at which version', async () => {
    const from = await shop();
    await identify(from, 'ada', { plan: 'pro' });
    const { status, body, headers } = await get(from, 'ada');
    assert.equal(status, 200);
    assert.deepEqual(
      [body.flags, body.reasons],
      [{ pro: true }, { pro: { reason: 'TARGETING_MATCH', ruleId: 'pros' } }],
    );
    assert.deepEqual([body.profileId, body.version], [profileIdOf(from.app.id, 'ada').toHexString(), 1]);
    assert.equal(headers['cache-control'], 'private, no-cache');
    assert.deepEqual((await get(from, 'bob')).body.flags, { pro: false });
  });

  it('is the message UserFlagSet for who asks for protobuf, each value by the type of its flag', async () => {
    const from = await shop();
    await edit.create(from.app, 'text', { type: 'string', defaultValue: 'blue' });
    await edit.create(from.app, 'number', { type: 'number', defaultValue: 2.5 });
    await edit.create(from.app, 'json', { type: 'json', defaultValue: { a: [1] } });
    const { raw, headers } = await get(from, 'ada', { accept: 'application/x-protobuf' });
    assert.equal(headers['content-type'], 'application/x-protobuf');
    const { flags, appId, profileId } = decodeUserFlagSet(raw);
    assert.deepEqual(flags, {
      json: { jsonValue: '{"a":[1]}' },
      number: { numberValue: 2.5 },
      pro: { boolValue: false },
      text: { stringValue: 'blue' },
    });
    assert.deepEqual([appId, profileId], [from.app.appId, profileIdOf(from.app.id, 'ada').toHexString()]);
  });

  it('is not sent again to who has it, until it is another one', async () => {
    const from = await shop();
    const first = await get(from, 'ada');
    const same = await get(from, 'ada', { 'if-none-match': first.etag });
    assert.deepEqual([same.status, same.raw.length, same.etag], [304, 0, first.etag]);
    assert.notEqual((await get(from, 'bob')).etag, first.etag, 'for whom it is belongs to it');
    await identify(from, 'ada', { plan: 'pro' });
    const changed = await get(from, 'ada', { 'if-none-match': first.etag });
    assert.deepEqual([changed.status, changed.body.flags], [200, { pro: true }]);
    await edit.change(from.app, 'pro', { defaultValue: true });
    const { version } = (
      await until('the new version', async () => {
        const answer = await get(from, 'ada', { 'if-none-match': changed.etag });
        return answer.status === 200 ? answer : undefined;
      })
    ).body;
    assert.equal(version, 2);
  });

  it('is stored where it had to be evaluated, and served from the store, which says the same', async () => {
    const from = await shop();
    await edit.create(from.app, 'half', { rules: [newRule('half', { rolloutPercentage: 50 })] });
    await identify(from, 'ada', { plan: 'pro' });
    const evaluated = await get(from, 'ada');
    const stored = await until('a stored set', async () => {
      const set = await setOf(from, 'ada');
      return set?.v === 2 ? set : undefined;
    });
    assert.deepEqual(stored.flags, evaluated.body.flags);
    // It is the stored one that is served: what stands there and cannot be evaluated is what is answered.
    await sets().updateOne({ _id: stored._id }, { $set: { computedAt: new Date(0) } });
    const served = await get(from, 'ada', { 'if-none-match': 'W/"none"' });
    assert.equal(served.body.computedAt, new Date(0).toISOString());
    assert.deepEqual({ ...served.body, computedAt: '' }, { ...evaluated.body, computedAt: '' });
    assert.equal(served.etag, evaluated.etag);
  });

  it('is evaluated where the stored one is older than the rules, but not where a pass has left it as it is', async () => {
    const from = await shop();
    await identify(from, 'ada', { plan: 'pro' });
    await get(from, 'ada');
    await until('a stored set', async () => ((await setOf(from, 'ada'))?.v === 1 ? true : undefined));
    await edit.create(from.app, 'other', { defaultValue: true });
    await until('version 2', async () => ((await get(from, 'ada')).body.version === 2 ? true : undefined));
    assert.deepEqual((await get(from, 'ada')).body.flags, { other: true, pro: true });

    // As a pass at version 3 that found nothing to rewrite leaves it, once this process knows of the pass.
    await edit.change(from.app, 'other', { description: 'says nothing' });
    await it_.db.collection('flag_states').updateOne({ _id: from.app.id }, { $set: { computed: 3 } });
    await until('the stored one', async () => {
      await sets().updateOne(
        { appId: from.app.id, profileId: profileIdOf(from.app.id, 'ada') },
        { $set: { computedAt: new Date(0), v: 2 } },
      );
      const answer = await get(from, 'ada');
      return answer.body.version === 3 && answer.body.computedAt === new Date(0).toISOString();
    });
  });

  it('makes a process read the definitions first where it is newer than they are', async () => {
    const from = await shop();
    await identify(from, 'ada', { plan: 'pro' });
    await get(from, 'ada');
    await edit.change(from.app, 'pro', { rules: [], defaultValue: true });
    const profileId = profileIdOf(from.app.id, 'ada');
    await sets().updateOne(
      { appId: from.app.id, profileId },
      { $set: { v: 2, flags: { pro: true }, reasons: '{}', digest: 'd', computedAt: new Date(0) } },
      { upsert: true },
    );
    const { body } = await get(from, 'ada');
    assert.deepEqual([body.version, body.flags, body.computedAt], [2, { pro: true }, new Date(0).toISOString()]);
  });

  it('is the same in two processes for who has seen a version, at once', async () => {
    const from = await shop();
    const other = await ingestApi(it_.client, it_.db);
    try {
      for (let round = 0; round < 20; round++) {
        await edit.change(from.app, 'pro', { defaultValue: round % 2 === 0 });
        const here = await until('the change', async () => {
          const answer = await get(from, 'nobody-stored');
          return answer.body.version === round + 2 ? answer : undefined;
        });
        const there = await get(from, 'nobody-stored', { 'if-none-match': here.etag }, other);
        assert.deepEqual([there.status, there.etag], [304, here.etag]);
      }
    } finally {
      await other.close();
    }
  });

  it('is that of the profile that an id is another name of, also through several, and through a circle', async () => {
    const from = await shop();
    await edit.create(from.app, 'half', { rules: [newRule('half', { rolloutPercentage: 50 })] });
    await identify(from, 'ada', { plan: 'pro' });
    await alias(from, 'device-1', 'ada');
    const [own, theirs] = [await get(from, 'ada'), await get(from, 'device-1')];
    assert.deepEqual(theirs.body.flags, own.body.flags);
    assert.deepEqual(theirs.body.reasons, own.body.reasons, 'it is put into the same buckets');
    assert.equal(theirs.body.profileId, own.body.profileId);
    const ids = Array.from({ length: 3 }, () => new ObjectId());
    for (const [index, profileId] of ids.entries())
      await sets().insertOne({
        _id: new ObjectId(),
        appId: from.app.id,
        profileId,
        aliasOf: ids[(index + 1) % 3] ?? profileId,
        flags: {},
        computedAt: new Date(),
        v: 0,
      });
    assert.equal((await get(from, String(ids[0]))).status, 200);
  });

  it('tells of a profile only who may know it, where the app demands identity proof', async () => {
    const from = await shop({ identityProof: true });
    await identify({ ...from, key: from.serverKey }, 'ada', { plan: 'pro' });
    const proof = identityProof(identitySecret(SECRET_KEY, from.app, from.app.identity.version), 'ada');
    const flagsOf = async (key: string, headers: Record<string, string> = {}) =>
      (await get({ ...from, key }, 'ada', headers)).body.flags['pro'];
    assert.equal(await flagsOf(from.serverKey), true);
    assert.equal(await flagsOf(from.key), false);
    assert.equal(await flagsOf(from.key, { 'x-identity-proof': 'f'.repeat(64) }), false);
    assert.equal(await flagsOf(from.key, { 'x-identity-proof': proof }), true);
    const given = async (headers: Record<string, string>) => {
      const url = '/ofrep/v1/evaluate/flags/pro';
      const body = { context: { targetingKey: 'ada', plan: 'pro' } };
      return (await it_.send({ url, body, key: from.key, headers })).body as unknown as { value: unknown };
    };
    assert.equal((await given({})).value, true, 'what is given counts all the same');
  });

  it('may be asked with attributes, which outweigh the stored ones and are stored only where the app wants that', async () => {
    const attributesOf = async (from: Sender) =>
      (await it_.db.collection('profiles').findOne({ appId: from.app.id, externalId: 'ada' }))?.[
        'attributes'
      ] as unknown;
    const evaluate = async (from: Sender, context: object) => {
      const url = '/ofrep/v1/evaluate/flags/pro';
      const { body } = await it_.send({ url, body: { context: { targetingKey: 'ada', ...context } }, key: from.key });
      return (body as unknown as { value: unknown }).value;
    };
    const flags = { ...DEFAULT_APP_CONFIG.flags, storeGivenAttributes: true };
    for (const [from, kept] of [
      [await shop(), { plan: 'pro', city: 'Rome' }],
      [await shop({ flags }), { plan: 'free', city: 'Rome' }],
    ] as const) {
      await identify(from, 'ada', { plan: 'pro', city: 'Rome' });
      assert.equal(await evaluate(from, {}), true);
      assert.equal(await evaluate(from, { city: 'Oslo', plan: 'free' }), false);
      assert.equal(await evaluate(from, { city: 'Rome', plan: 'free' }), false);
      if (from.app.config.flags.storeGivenAttributes)
        await until('what was given', async () => {
          await it_.storeAll();
          return isDeepStrictEqual(await attributesOf(from), kept);
        });
      else await sleep(400);
      await it_.storeAll();
      assert.deepEqual(await attributesOf(from), kept);
      assert.equal((await get(from, 'ada')).body.flags['pro'], kept.plan === 'pro');
    }
  });

  it('is refused to who has no key, names nobody, or asks too often', async () => {
    const from = await shop();
    assert.equal((await get({ ...from, key: `${from.key.slice(0, -1)}-` }, 'ada')).status, 401);
    const bare = await ask(it_.api, { method: 'GET', url: '/v1/flags', key: from.key });
    assert.equal(bare.status, 400);
    assert.equal((await get(from, 'x'.repeat(2_000))).status, 400);
    const slow = await ingestApi(it_.client, it_.db, { requestsPerSecondPerKey: 3 });
    try {
      const answers = await Promise.all(Array.from({ length: 10 }, () => get(from, 'ada', {}, slow)));
      const refused = answers.filter(({ status }) => status === 429);
      assert.ok(refused.length >= 4 && refused.length < 10, `${String(refused.length)} of 10`);
      assert.equal(refused[0]?.headers['retry-after'], '1');
    } finally {
      await slow.close();
    }
  });
});
