import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { ObjectId } from 'mongodb';
import { flagStates } from '../../db/flag-states.js';
import { conditionOf, flagEditor, type FlagEditor } from '../helper/flag-editor.js';
import { newRule } from '../helper/flags.js';
import { ask, ingest, ingestApi, type Ingest, type Message, type Sender } from '../helper/ingest.js';
import { until } from '../helper/until.js';

interface Evaluation {
  readonly key: string;
  readonly value?: unknown;
  readonly reason?: string;
  readonly variant?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly errorCode?: string;
  readonly errorDetails?: string;
}

interface Bulk {
  readonly flags: readonly Evaluation[];
  readonly metadata: { readonly version: number };
  readonly eventStreams?: readonly { readonly type: string; readonly url: string }[];
  readonly errorCode?: string;
}

describe('OFREP', () => {
  let it_: Ingest;
  let edit: FlagEditor;
  let count = 0;
  before(async () => {
    it_ = await ingest('ofrep');
    edit = flagEditor(it_.client, it_.db);
  });
  after(() => it_.close());

  const register = () => it_.register(`shop-${String((count += 1))}`);
  const BULK = '/ofrep/v1/evaluate/flags';

  async function one(from: Sender, flagKey: string, body: Message['body'] = {}, more: Message = {}) {
    const answer = await it_.send({ url: `${BULK}/${flagKey}`, body, key: from.key, ...more });
    return { ...answer, body: answer.body as unknown as Evaluation };
  }
  async function all(from: Sender, body: Message['body'] = {}, more: Message = {}) {
    const answer = await it_.send({ url: BULK, body, key: from.key, ...more });
    return { ...answer, body: answer.body as unknown as Bulk, etag: String(answer.headers['etag']) };
  }

  /** A flag for each reason. */
  async function reasons(): Promise<Sender> {
    const from = await register();
    const { app } = from;
    const variants = [
      { key: 'a', value: 'A', weight: 1 },
      { key: 'b', value: 'B', weight: 1 },
    ];
    const pro = { conditions: [conditionOf('plan', 'equals', 'pro')] };
    await edit.create(app, 'static');
    await edit.create(app, 'off', { enabled: false, defaultValue: true });
    await edit.create(app, 'matched', {
      type: 'number',
      defaultValue: 0,
      rules: [newRule('pros', { ...pro, value: 5 })],
    });
    await edit.create(app, 'split', { rules: [newRule('most', { rolloutPercentage: 99 })] });
    await edit.create(app, 'variants', {
      type: 'string',
      defaultValue: '',
      rules: [newRule('v', { value: '', variants })],
    });
    await edit.create(app, 'behind', { prerequisites: [{ flagKey: 'static', values: [true] }] });
    return from;
  }

  it('answers one flag with its value, reason, variant and what decided, as JSON', async () => {
    const from = await reasons();
    const context = { targetingKey: 'ada', plan: 'pro' };
    const answers = new Map<string, Evaluation>();
    for (const key of ['static', 'off', 'matched', 'split', 'variants', 'behind']) {
      const { status, headers, body } = await one(from, key, { context });
      assert.deepEqual([status, headers['content-type'], body.key], [200, 'application/json; charset=utf-8', key]);
      assert.ok(body.value !== undefined, 'the server provider takes an answer without a value for malformed');
      answers.set(key, body);
    }
    const said = (key: string) => ({ ...answers.get(key) });
    assert.deepEqual(said('static'), { key: 'static', value: false, reason: 'STATIC', metadata: { version: 1 } });
    assert.deepEqual(said('off'), { key: 'off', value: true, reason: 'DISABLED', metadata: { version: 1 } });
    const matched = { key: 'matched', value: 5, reason: 'TARGETING_MATCH', metadata: { version: 1, ruleId: 'pros' } };
    assert.deepEqual(said('matched'), matched);
    assert.equal(said('behind').reason, 'DISABLED');
    const { reason, metadata } = said('split');
    assert.deepEqual([reason, metadata?.['ruleId'], typeof metadata?.['bucket']], ['SPLIT', 'most', 'number']);
    const { variant, value } = said('variants');
    assert.ok((variant === 'a' && value === 'A') || (variant === 'b' && value === 'B'));
    const other = await one(from, 'matched', { context: { targetingKey: 'ada' } });
    assert.deepEqual([other.body.value, other.body.reason], [0, 'DEFAULT']);
  });

  it('answers all flags with the version beside them, each as it is answered alone', async () => {
    const from = await reasons();
    const context = { targetingKey: 'ada', plan: 'pro' };
    const { status, body, etag } = await all(from, { context });
    assert.equal(status, 200);
    assert.deepEqual(body.metadata, { version: 6 });
    assert.deepEqual(
      body.flags.map(({ key }) => key),
      ['behind', 'matched', 'off', 'split', 'static', 'variants'],
    );
    for (const flag of body.flags) assert.deepEqual((await one(from, flag.key, { context })).body, flag);
    const same = await all(from, { context }, { headers: { 'if-none-match': etag } });
    assert.deepEqual([same.status, same.raw.length], [304, 0]);
    for (const changed of [{ targetingKey: 'ada' }, { targetingKey: 'bob', plan: 'pro' }]) {
      const other = await all(from, { context: changed }, { headers: { 'if-none-match': etag } });
      assert.equal(other.status, 200, 'another context has another tag');
    }
  });

  it('goes on with the other flags where one needs a key and there is none', async () => {
    const from = await reasons();
    const { status, body } = await all(from);
    assert.equal(status, 200);
    const failed = body.flags.filter(({ errorCode }) => errorCode !== undefined);
    assert.deepEqual(
      failed.map(({ key, errorCode }) => [key, errorCode]),
      [
        ['split', 'TARGETING_KEY_MISSING'],
        ['variants', 'TARGETING_KEY_MISSING'],
      ],
    );
    assert.equal(body.flags.length, 6);
    const alone = await one(from, 'split');
    assert.deepEqual([alone.status, alone.body.key, alone.body.errorCode], [400, 'split', 'TARGETING_KEY_MISSING']);
    assert.equal((await one(from, 'matched')).status, 200);
  });

  it('takes a key with a slash as the provider sends it, decoded once, and knows neither unknown nor archived flags', async () => {
    const from = await register();
    await edit.create(from.app, 'checkout/new.form');
    assert.equal((await one(from, 'checkout/new.form')).status, 200);
    assert.equal((await one(from, 'checkout%2Fnew.form')).status, 200);
    for (const key of ['checkout%252Fnew.form', 'nothing', 'constructor', '__proto__', '%C3%A4']) {
      const { status, body } = await one(from, key);
      assert.deepEqual([status, body.key, body.errorCode], [404, decodeURIComponent(key), 'FLAG_NOT_FOUND']);
    }
    await edit.archive(from.app, 'checkout/new.form');
    await until('gone', async () => (await one(from, 'checkout/new.form')).status === 404);
  });

  it('says what is wrong with a context', async () => {
    const from = await reasons();
    const deep = JSON.parse('[{"a":'.repeat(30) + '1' + '}]'.repeat(30)) as unknown;
    const cases: [Message['body'], string][] = [
      ['{', 'PARSE_ERROR'],
      ['5', 'PARSE_ERROR'],
      ['[]', 'PARSE_ERROR'],
      [Buffer.from([0x1f, 0x8b, 1, 2]), 'PARSE_ERROR'],
      [{ context: 5 }, 'INVALID_CONTEXT'],
      [{ context: [] }, 'INVALID_CONTEXT'],
      [{ context: { targetingKey: {} } }, 'INVALID_CONTEXT'],
      [{ context: { targetingKey: 'x'.repeat(2_000) } }, 'INVALID_CONTEXT'],
      [{ context: { deep } }, 'INVALID_CONTEXT'],
    ];
    for (const [body, errorCode] of cases) {
      const bulk = await all(from, body);
      assert.deepEqual([bulk.status, bulk.body.errorCode], [400, errorCode]);
      const single = await one(from, 'static', body);
      assert.deepEqual([single.status, single.body.key, single.body.errorCode], [400, 'static', errorCode]);
    }
    assert.equal((await all(from, { context: { x: 'y'.repeat(300_000) } })).status, 413);
    assert.equal((await one(from, 'split', gzipSync('{"context":{"targetingKey":7}}'))).status, 200);
  });

  it('names the stream of changes, with the key in it only where that is public', async () => {
    const from = await reasons();
    const urlOf = async (key: string, headers: Record<string, string> = {}) =>
      (await all({ ...from, key }, {}, { headers })).body.eventStreams?.[0]?.url ?? '';
    const host = { host: 'flags.example' };
    assert.equal(await urlOf(from.key, host), `http://flags.example/v1/flags/stream?since=6&key=${from.key}`);
    assert.equal(await urlOf(from.serverKey, host), 'http://flags.example/v1/flags/stream?since=6');
    const proxied = { ...host, 'x-forwarded-proto': 'https', 'x-forwarded-host': 'shop.example:8443' };
    assert.ok((await urlOf(from.key, proxied)).startsWith('https://shop.example:8443/v1/'));
    assert.equal(await urlOf(from.key, { host: 'a"b' }), '');
  });

  it('lets pages of other sites ask with all its headers, and see the entity tag', async () => {
    const from = await reasons();
    const wanted = 'authorization,x-api-key,content-type,if-none-match,x-identity-proof';
    const origin = 'https://shop.example';
    const headers = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': wanted };
    const preflight = await ask(it_.api, { method: 'OPTIONS', url: BULK, headers });
    const { 'access-control-allow-headers': allowed, 'access-control-allow-origin': allowedOrigin } = preflight.headers;
    assert.deepEqual([preflight.status, allowed, allowedOrigin], [204, wanted, origin]);
    const { headers: sent } = await all(from, {}, { headers: { origin } });
    for (const name of ['ETag', 'Retry-After'])
      assert.ok(String(sent['access-control-expose-headers']).includes(name), name);
  });

  it('refuses who has no key, and who asks too often, until when it may again', async () => {
    const from = await reasons();
    assert.equal((await all({ ...from, key: 'exp_none' })).status, 401);
    const slow = await ingestApi(it_.client, it_.db, { requestsPerSecondPerKey: 2 });
    const asked = await Promise.all(
      Array.from({ length: 6 }, () => ask(slow, { url: BULK, body: {}, key: from.key, headers: {} })),
    );
    await slow.close();
    const refused = asked.filter(({ status }) => status === 429);
    assert.ok(refused.length >= 2 && refused.length <= 4, String(refused.length));
    assert.ok(refused.every(({ retryAfter }) => retryAfter >= 1));
  });

  it('never fails on our side, whatever rule, value, context and body there is', async () => {
    const from = await register();
    const flags = it_.db.collection('feature_flags');
    const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 20 }), fc.constantFrom('plan', '', '(a+)+$', '1.2.3'));
    const operator = fc.oneof(
      fc.constantFrom(
        'equals',
        'in',
        'matches',
        'gt',
        'between',
        'before',
        'exists',
        'semver_range',
        'cidr',
        'array_any',
      ),
      fc.constantFrom('in_segment', 'not_in_segment', 'toString', '__proto__', 'nonsense'),
    );
    const condition = fc.record({ attribute: text, operator, values: fc.array(text, { maxLength: 3 }) });
    const value = fc.jsonValue({ maxDepth: 2 });
    const rule = fc.record({
      ruleId: text,
      priority: fc.integer(),
      conditions: fc.array(condition, { maxLength: 3 }),
      value,
      rolloutPercentage: fc.integer({ min: 0, max: 100 }),
      experimentId: fc.option(text),
    });
    const type = fc.constantFrom('boolean', 'string', 'number', 'json');
    const flag = fc.record({
      type,
      defaultValue: value,
      enabled: fc.boolean(),
      rules: fc.array(rule, { maxLength: 3 }),
    });
    const body = fc.oneof(
      fc.record({ context: fc.dictionary(text, fc.jsonValue()) }).map((each) => JSON.stringify(each)),
      fc.json(),
      fc.string(),
      fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(flag, { maxLength: 3 }), body, text, async (defined, sent, id) => {
        await flags.deleteMany({ appId: from.app.id });
        const docs = defined.map((each, index) => ({
          _id: new ObjectId(),
          appId: from.app.id,
          key: `flag-${String(index)}`,
          description: '',
          createdAt: new Date(),
          updatedAt: new Date(),
          createdBy: new ObjectId(),
          ...each,
        }));
        if (docs.length > 0) await flags.insertMany(docs);
        await it_.client.withSession((session) => flagStates(it_.db).next(session, from.app.id, 'x', new Date()));
        const { version = 0 } = (await flagStates(it_.db).find(from.app.id)) ?? {};
        const headers = { 'if-none-match': `"${String(version)}-x"` };
        const bulk = await all(from, sent, { headers });
        assert.ok(bulk.status < 500, `${String(bulk.status)} ${bulk.raw.toString()}`);
        if (bulk.status === 200) {
          assert.equal(bulk.body.flags.length, docs.length, 'a broken rule costs no flag');
          assert.equal(bulk.body.metadata.version, version);
        }
        const path = encodeURIComponent(id.toWellFormed());
        for (const url of [`${BULK}/flag-0`, `${BULK}/${path}`, '/flags/?v=2', `/v1/flags?profileId=${path}`]) {
          const method = url.startsWith('/v1/') ? 'GET' : 'POST';
          const answer = await it_.send({ url, method, key: from.key, ...(method === 'POST' && { body: sent }) });
          assert.ok(answer.status < 500, `${url}: ${String(answer.status)} ${answer.raw.toString()}`);
        }
      }),
      { numRuns: 150 },
    );
  });
});
