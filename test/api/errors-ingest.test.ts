import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import type { DropDoc } from '../../db/drops.js';
import type { ErrorGroupDoc } from '../../db/error-groups.js';
import type { ErrorDoc } from '../../db/errors.js';
import { NOBODY, profileIdOf } from '../../db/ids.js';
import { DEFAULT_APP_CONFIG, type ErrorConfig } from '../../domain/app.js';
import { encodeErrorBatch } from '../../proto/codec.js';
import { ingest, type Ingest, type Sender } from '../helper/ingest.js';

const STACK = 'TypeError: cart is undefined\n    at total (https://shop.example/app.js:10:5)';

const thrown = (fields: object = {}) => ({
  errorId: randomUUID(),
  timestampMs: Date.now(),
  errorType: 'runtime',
  message: 'cart is undefined',
  stackTrace: STACK,
  ...fields,
});

describe('POST /v1/errors', () => {
  let it_: Ingest;
  before(async () => {
    it_ = await ingest('errors-ingest');
  });
  after(() => it_.close());

  const app = (slug: string, errors: Partial<ErrorConfig> = {}): Promise<Sender> =>
    it_.register(slug, { errors: { ...DEFAULT_APP_CONFIG.errors, ...errors } });
  const send = (errors: readonly object[], sender: Sender = it_.shop) =>
    it_.send({ url: '/v1/errors', body: { errors }, key: sender.key });
  const stored = ({ app: { id } }: Sender): Promise<ErrorDoc[]> =>
    it_.db.collection<ErrorDoc>('errors').find({ appId: id }).sort({ ordinal: 1 }).toArray();
  const groups = ({ app: { id } }: Sender): Promise<ErrorGroupDoc[]> =>
    it_.db.collection<ErrorGroupDoc>('error_groups').find({ appId: id }).toArray();

  it('stores what JSON and protobuf say alike, with profile, release and environment', async () => {
    const shop = await app('alike');
    const facts = {
      profileId: 'ada',
      sessionId: 's1',
      release: 'shop@2.0.0',
      environment: 'live',
      userComment: 'I clicked',
      tags: { plan: 'pro', $x: 'y', 'a.b': 'c' },
      breadcrumbs: [{ timestampMs: 5, category: 'ui', message: 'click', data: { id: '7' } }],
      pageContext: { path: '/cart', title: 'Cart', referrer: '', viewportWidth: 1, viewportHeight: 2, loadTimeMs: 3 },
    };
    const json = await send([thrown({ ...facts, severity: 'FATAL' })], shop);
    assert.deepEqual([json.status, json.body.eventsAccepted], [202, 1]);
    const body = Buffer.from(encodeErrorBatch({ errors: [thrown({ ...facts, severity: 3 })] }));
    const protobuf = await it_.send({ url: '/v1/errors', body, type: 'application/x-protobuf', key: shop.key });
    assert.equal(protobuf.status, 202);
    await it_.storeAll();

    const [first, second] = await stored(shop);
    assert.ok(first && second);
    for (const { severity, profileId, release, environment, userComment, tags, pageContext } of [first, second]) {
      assert.deepEqual(
        { severity, release, environment, userComment, tags, path: pageContext.path },
        {
          severity: 'fatal',
          release: 'shop@2.0.0',
          environment: 'live',
          userComment: 'I clicked',
          tags: facts.tags,
          path: '/cart',
        },
      );
      assert.deepEqual(profileId, profileIdOf(shop.app.id, 'ada'));
    }
    const [group, ...others] = await groups(shop);
    assert.deepEqual(others, []);
    assert.deepEqual([group?.occurrenceCount, group?.affectedProfiles, group?.title], [2, 1, 'TypeError']);
    assert.equal((await it_.receipt(json.body.batchId, shop.key)).body.stored, 1);
  });

  it('counts an error id once, however it comes again, and two equal errors without one twice', async () => {
    const shop = await app('once');
    const error = thrown();
    const nameless = thrown({ errorId: '', message: 'nameless' });
    await send([error, error], shop);
    await send([error, thrown()], shop);
    await it_.storeAll();
    await send([{ ...error, message: 'other words' }], shop);
    await send([nameless, nameless], shop);
    await it_.storeAll();
    const counts = (await groups(shop)).map(({ occurrenceCount }) => occurrenceCount);
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      4,
    );
  });

  it('refuses only what is of another app or of another type, and tells where', async () => {
    const { status, body } = await send([
      thrown({ appId: 'other' }),
      thrown({ line: 'ten' }),
      thrown({ appId: 'shop' }),
    ]);
    assert.equal(status, 202);
    assert.deepEqual(body.rejected, [
      { list: 'errors', index: 0, code: 'APP_MISMATCH', field: 'appId' },
      { list: 'errors', index: 1, code: 'FIELD_INVALID', field: 'line' },
    ]);
  });

  it('takes what is too long, nobody’s and of no time, cut and marked', async () => {
    const shop = await app('cut');
    await send([{ message: 'm'.repeat(100_000), tags: { 'a\0b': 'x' } }], shop);
    await it_.storeAll();
    const [error] = await stored(shop);
    assert.ok(error);
    assert.deepEqual([error.message.length, error.truncated, error.tags], [16_384, ['message'], { 'a\uFFFDb': 'x' }]);
    assert.deepEqual([error.profileId, error.timestampMs], [NOBODY, error.receivedAt.getTime()]);
  });

  it('scrubs secrets before anything is stored, and drops and counts what the app does not want', async () => {
    const shop = await app('privacy', {
      filters: { browserExtensions: true, localhost: true, releases: ['0.*'], messages: ['*ResizeObserver*'] },
    });
    const { body } = await send(
      [
        thrown({ message: 'token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghij', tags: { password: 'hunter2' } }),
        thrown({ message: 'ResizeObserver loop limit exceeded' }),
        thrown({ release: '0.9.1' }),
        thrown({ stackTrace: 'Error: x\n    at y (chrome-extension://abcdefgh/z.js:1:2)' }),
      ],
      shop,
    );
    assert.deepEqual([body.eventsAccepted, body.eventsRejected], [1, 0]);
    const spooled = JSON.stringify(await it_.flushes.find({ state: 'new' }).toArray());
    assert.ok(!Buffer.from(spooled).includes('hunter2'));
    await it_.storeAll();
    const [error, ...others] = await stored(shop);
    assert.deepEqual(others, []);
    assert.deepEqual([error?.message, error?.tags], ['token [scrubbed]', { password: '[scrubbed]' }]);
    const drops = await it_.db.collection<DropDoc>('daily_drops').find({ appId: shop.app.id }).toArray();
    assert.deepEqual(drops.map(({ by, reason, category, count }) => [by, reason, category, count]).sort(), [
      ['filter', 'browser_extension', 'error', 1],
      ['filter', 'message', 'error', 1],
      ['filter', 'release', 'error', 1],
    ]);
  });

  it('has a daily quota of its own: events go on when errors are used up', async () => {
    const shop = await app('quota', { maxErrorsPerDay: 2 });
    assert.equal((await send([thrown(), thrown(), thrown()], shop)).status, 202);
    const refused = await send([thrown()], shop);
    assert.deepEqual([refused.status, refused.body.code], [429, 'QUOTA_EXCEEDED']);
    assert.ok(refused.retryAfter > 0);
    const events = [{ eventType: 'click', profileId: 'ada', timestampMs: Date.now(), pageUrl: 'https://x.example/' }];
    assert.equal((await it_.send({ body: { events }, key: shop.key })).status, 202);
  });

  it('tells the worker to tell people once for a new group', async () => {
    const shop = await app('alerts');
    await it_.storeAll();
    const before = it_.alerts();
    await send([thrown()], shop);
    await it_.storeAll();
    await send([thrown()], shop);
    await it_.storeAll();
    assert.equal(it_.alerts(), before + 1);
  });

  it('takes and groups whatever is thrown', async () => {
    const shop = await app('whatever');
    const text = fc.oneof(fc.string({ maxLength: 300, unit: 'binary' }), fc.constantFrom('', '__proto__', '\0', STACK));
    const map = fc.dictionary(text, text, { maxKeys: 5 });
    const error = fc.record(
      {
        errorType: text,
        message: text,
        stackTrace: fc
          .array(fc.oneof(text, fc.constant('    at f (https://x.example/a.js:1:2)')))
          .map((l) => l.join('\n')),
        sourceFile: text,
        release: text,
        environment: text,
        profileId: text,
        tags: map,
        breadcrumbs: fc.array(fc.record({ category: text, message: text, data: map }), { maxLength: 3 }),
        timestampMs: fc.maxSafeInteger(),
      },
      { requiredKeys: [] },
    );
    let sent = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(error, { minLength: 1, maxLength: 8 }), async (errors) => {
        const named = errors.map((each) => ({ ...each, errorId: randomUUID() }));
        const answer = await send(named, shop);
        assert.equal(answer.status, 202, answer.raw.toString());
        sent += answer.body.eventsAccepted;
        await it_.storeAll();
      }),
      { numRuns: 60 },
    );
    const all = await groups(shop);
    assert.equal(all.reduce((sum, { occurrenceCount }) => sum + occurrenceCount, 0) + (await dropped(shop)), sent);
  });

  const dropped = async ({ app: { id } }: Sender): Promise<number> =>
    (await it_.db.collection<DropDoc>('daily_drops').find({ appId: id }).toArray()).reduce(
      (sum, { count }) => sum + count,
      0,
    );
});
