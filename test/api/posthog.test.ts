import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import type { Document } from 'mongodb';
import { PostHog } from 'posthog-node';
import { identityProof, identitySecret } from '../../api/identity-proof.js';
import { profileIdOf } from '../../db/ids.js';
import { type AppConfig, DEFAULT_APP_CONFIG } from '../../domain/app.js';
import { type Answer, ingest, type Ingest, type Message, SECRET_KEY, type Sender } from '../helper/ingest.js';

const AT = new Date(Date.now() - 60_000);
const errorQuota = (maxErrorsPerDay: number): Partial<AppConfig> => ({
  errors: { ...DEFAULT_APP_CONFIG.errors, maxErrorsPerDay },
});
const event = (name: string, properties: object = {}, fields: object = {}) => ({
  event: name,
  distinct_id: 'ada',
  uuid: randomUUID(),
  timestamp: AT.toISOString(),
  properties,
  ...fields,
});
const exception = () => event('$exception', { $exception_list: [{ type: 'Error', value: 'boom' }] });

describe("PostHog's routes", () => {
  let it_: Ingest;
  let url = '';
  let count = 0;
  before(async () => {
    it_ = await ingest('posthog');
    url = await it_.api.listen({ host: '127.0.0.1', port: 0 });
  });
  after(() => it_.close());

  const sender = (config: Partial<AppConfig> = {}) => it_.register(`app-${String((count += 1))}`, config);
  const send = (from: Sender, batch: readonly unknown[], more: Message = {}): Promise<Answer> =>
    it_.send({
      url: '/batch/',
      body: { api_key: from.key, batch, sent_at: new Date().toISOString() },
      key: null,
      ...more,
    });
  async function rows(name: string, from: Sender): Promise<Document[]> {
    await it_.storeAll();
    return it_.db.collection(name).find({ appId: from.app.id }).sort({ timestampMs: 1 }).toArray();
  }
  const names = async (from: Sender) =>
    (await rows('events', from)).map(({ eventType, eventName }): unknown[] => [eventType, eventName ?? null]);

  it('take each event once by its uuid, however often its batch is sent', async () => {
    const from = await sender();
    const batch = [event('Order Completed'), event('$pageview'), exception()];
    for (let tries = 0; tries < 2; tries++) {
      const answer = await send(from, batch);
      assert.deepEqual([answer.status, answer.raw.toString()], [200, '{"status":1}']);
    }
    assert.deepEqual((await names(from)).sort(), [
      ['custom', 'Order Completed'],
      ['page_view', null],
    ]);
    const [error, ...more] = await rows('errors', from);
    assert.deepEqual([more.length, error?.['message'], error?.['errorId']], [0, 'boom', batch[2]?.uuid]);
  });

  it('read what a page sends: gzip as text, a list, one event, a form while it closes', async () => {
    const from = await sender();
    const token = { token: from.key };
    const type = 'text/plain';
    const single = event('single', token);
    const form = `data=${encodeURIComponent(Buffer.from(JSON.stringify(event('beacon', token))).toString('base64'))}`;
    const bodies: Message[] = [
      { url: '/e/?compression=gzip-js', type, body: gzipSync(JSON.stringify([event('list', token)])) },
      { url: '/e/', type, body: gzipSync(JSON.stringify({ api_key: from.key, batch: [event('batch')] })) },
      { url: '/i/v0/e/', body: single },
      { url: '/e/?compression=base64', type: 'application/x-www-form-urlencoded', body: form },
      { url: '/capture/', body: { ...event('old'), api_key: from.key } },
    ];
    for (const body of bodies) {
      const answer = await it_.send({ ...body, key: null, headers: { origin: 'https://shop.example' } });
      assert.equal(answer.status, 200, answer.raw.toString());
      assert.equal(answer.headers['access-control-allow-origin'], 'https://shop.example');
    }
    assert.deepEqual((await names(from)).map(([, name]) => name).sort(), ['batch', 'beacon', 'list', 'old', 'single']);
  });

  it('turn heatmap data into points, and $set, $identify and aliases into profiles', async () => {
    const from = await sender();
    const touch = { x: 100, y: 200, target_fixed: false, type: 'click' };
    const heatmap = {
      $heatmap_data: { 'https://a.example/': [touch, touch] },
      $viewport_width: 800,
      $viewport_height: 600,
    };
    const batch = [
      event('$$heatmap', heatmap),
      event('$identify', { $anon_distinct_id: 'anon', $set: { plan: 'pro' } }),
      event('Upgraded', { $set: { seats: 3 } }),
    ];
    for (let tries = 0; tries < 2; tries++) assert.equal((await send(from, batch)).status, 200);
    const points = await rows('heatmap_events', from);
    assert.deepEqual(
      points.map(({ x, y, viewportWidth, pageUrl }): unknown[] => [x, y, viewportWidth, pageUrl]),
      Array<unknown[]>(2).fill([100, 200, 800, 'https://a.example/']),
    );
    const [ada] = await it_.db.collection('profiles').find({ appId: from.app.id, externalId: 'ada' }).toArray();
    assert.deepEqual(ada?.['attributes'], { plan: 'pro', seats: 3 });
    const [alias] = await rows('profile_aliases', from);
    assert.deepEqual(
      [alias?.['from'], alias?.['to']],
      [profileIdOf(from.app.id, 'anon'), profileIdOf(from.app.id, 'ada')],
    );
  });

  it('let a client key write only profiles that are proved, where an app wants that', async () => {
    const from = await sender({ identityProof: true });
    const secret = identitySecret(SECRET_KEY, from.app, from.app.identity.version);
    const set = (plan: string, more: object = {}) => event('$set', { $set: { plan }, ...more });
    await send(from, [set('free', { $identity_proof: identityProof(secret, 'ada') }), set('stolen')]);
    await it_.storeAll();
    const [ada] = await it_.db.collection('profiles').find({ appId: from.app.id, externalId: 'ada' }).toArray();
    assert.deepEqual(ada?.['attributes'], { plan: 'free' });
    assert.equal((await send(from, [set('server')], { key: from.serverKey })).status, 200);
  });

  it('refuse a key that is none, and a body that is none', async () => {
    const from = await sender();
    assert.equal((await send({ ...from, key: `${from.key}0` }, [event('x')])).body.code, 'UNAUTHENTICATED');
    assert.equal((await it_.send({ url: '/batch/', body: { batch: [] }, key: null })).status, 401);
    for (const body of ['', '5', 'data=%', '{"batch"', 'null'])
      assert.equal((await it_.send({ url: '/e/', body, key: from.key })).status, 400, body);
    const large = Array.from({ length: 3_001 }, () => ({}));
    assert.equal((await send(from, large)).status, 413);
    assert.equal((await send(from, [5, null, {}, event('good')])).status, 200);
    assert.deepEqual(await names(from), [['custom', 'good']]);
  });

  it('drop errors that are over their quota and take the rest; events over theirs are to come again', async () => {
    const from = await sender(errorQuota(0));
    assert.equal((await send(from, [exception(), event('good')])).status, 200);
    assert.deepEqual([await names(from), (await rows('errors', from)).length], [[['custom', 'good']], 0]);
    const [drop] = await rows('daily_drops', from);
    assert.deepEqual([drop?.['by'], drop?.['category'], drop?.['count']], ['quota', 'error', 1]);
    const silent = await sender({ maxEventsPerDay: 0 });
    const refused = await send(silent, [event('x')]);
    assert.equal(refused.status, 429);
    assert.ok(refused.retryAfter > 0);
    assert.equal((await send(silent, [exception()])).status, 200, 'an error is no event');
    assert.equal((await rows('errors', silent)).length, 1);
  });

  it('tell a page what it may send, as JSON and as a script', async () => {
    const from = await sender();
    const get = (path: string) => it_.send({ method: 'GET', url: path, key: null });
    const config = await get(`/array/${from.key}/config`);
    assert.equal(config.status, 200);
    const { heatmaps, supportedCompression } = JSON.parse(config.raw.toString()) as Document;
    assert.deepEqual([heatmaps, supportedCompression], [true, ['gzip-js']]);
    const script = await get(`/array/${from.key}/config.js`);
    const page = { window: {} as { _POSTHOG_REMOTE_CONFIG?: Record<string, { config: unknown }> } };
    runInNewContext(script.raw.toString(), page);
    assert.equal(JSON.stringify(page.window._POSTHOG_REMOTE_CONFIG?.[from.key]?.config), config.raw.toString());
    assert.equal((await get(`/array/${from.key}0/config`)).status, 401);
    assert.equal((await get('/array/%22);alert(1);%22/config.js')).status, 401);
  });

  it("take what PostHog's library for Node sends, unmodified", async () => {
    const from = await sender();
    const failures: unknown[] = [];
    const client = new PostHog(from.key, { host: url, flushAt: 100 });
    client.on('error', (error: unknown) => failures.push(error));
    const timestamp = AT;
    client.capture({ distinctId: 'ada', event: 'Order Completed', properties: { total: 99.5 }, timestamp });
    client.identify({ distinctId: 'ada', properties: { email: 'ada@example.com' } });
    client.alias({ distinctId: 'ada', alias: 'visitor-7' });
    client.captureException(new Error('payment failed', { cause: new TypeError('no card') }), 'ada', { cart: 'x' });
    client.captureException(new Error('of nobody'));
    await client.shutdown();
    assert.deepEqual(failures, []);

    const [order, ...more] = await rows('events', from);
    assert.deepEqual([more, order?.['eventName'], order?.['measures']], [[], 'Order Completed', { total: 99.5 }]);
    assert.deepEqual(order?.['timestamp'], AT);
    const errors = await rows('errors', from);
    const failed = errors.find(({ message }) => message === 'payment failed');
    const exceptions = failed?.['exceptions'] as { type: string; frames: { file: string }[] }[];
    assert.deepEqual(
      exceptions.map(({ type }) => type),
      ['Error', 'TypeError'],
    );
    assert.match(exceptions[0]?.frames[0]?.file ?? '', /posthog\.test\.ts/, 'the crash frame comes first');
    assert.deepEqual([failed?.['tags'], failed?.['profileId']], [{ cart: 'x' }, profileIdOf(from.app.id, 'ada')]);
    const nobody = errors.find(({ message }) => message === 'of nobody');
    assert.equal(String(nobody?.['profileId']), '0'.repeat(24));
    const [ada] = await it_.db.collection('profiles').find({ appId: from.app.id, externalId: 'ada' }).toArray();
    assert.deepEqual(ada?.['attributes'], { email: 'ada@example.com' });
    assert.equal((await rows('profile_aliases', from)).length, 1);
  });
});
