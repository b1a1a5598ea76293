import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { encodeErrorBatch, encodeEventBatch } from '../../proto/codec.js';
import { INHERITED, outcome, UNKNOWN } from '../helper/inherited-names.js';
import { type Answer, ask, click, ingest, type Ingest, type Message, point, type Sender } from '../helper/ingest.js';
import { postHogEvents, sentryEvents } from '../helper/places-of-names.js';
import { envelope, envelopeUrl, sentryEvent } from '../helper/sentry.js';

const AT = Date.now() - 60_000;
const ISO = new Date(AT).toISOString();
/** A clock that is right: nothing is moved by what it is off. */
const sentNow = () => new Date().toISOString();

const session = (fields: object) => ({
  sid: 'session-1',
  init: true,
  started: ISO,
  status: 'ok',
  attrs: { release: 'shop@1.0.0', environment: 'production' },
  ...fields,
});

async function sendSentry(api: Ingest, from: Sender, name: string): Promise<Answer[]> {
  const post = (...items: readonly (readonly [string, object])[]) =>
    api.send({ url: envelopeUrl(from), body: envelope({ sent_at: sentNow() }, ...items), key: null, type: null });
  const events = Object.entries(sentryEvents(name)).map(
    ([place, fields]) =>
      ['event', sentryEvent({ event_id: place, timestamp: AT / 1000, tags: { place }, ...fields })] as const,
  );
  const feedback = { message: 'Great', name, contact_email: name, url: name, [name]: 'v' };
  return [
    await post(...events),
    await post(
      ['session', session({ sid: 's1', status: name })],
      ['session', session({ sid: 's2', did: name, [name]: 'v' })],
      ['session', session({ sid: name })],
      ['session', session({ sid: 's3', attrs: { release: name, environment: name, [name]: 'v' } })],
      ['sessions', { attrs: { release: 'shop@1.0.0' }, aggregates: [{ started: ISO, exited: 1, [name]: 1 }] }],
      ['client_report', { discarded_events: [{ reason: name, category: name, quantity: 1 }] }],
      ['client_report', { discarded_events: [{ reason: 'sample_rate', category: name, quantity: 1 }] }],
      [
        'feedback',
        sentryEvent({ event_id: 'f1', timestamp: AT / 1000, contexts: { feedback }, tags: { [name]: 'v' } }),
      ],
      ['user_report', { event_id: 'f2', name, email: name, comments: name, [name]: 'v' }],
      [name, { a: 1 }],
    ),
    await api.send({
      url: `${envelopeUrl(from)}&${name}=${name}`,
      body: envelope({ sent_at: sentNow(), [name]: 'v', sdk: { name } }, [
        'event',
        sentryEvent({ event_id: 'q', timestamp: AT / 1000 }),
      ]),
      headers: { 'x-sentry-auth': `Sentry ${name}=${name}` },
      key: null,
      type: name,
    }),
    await api.send({
      url: `/api/${String(from.app.dsnId)}/envelope/?sentry_key=${name}`,
      body: envelope({}),
      key: null,
    }),
  ];
}

async function sendPostHog(api: Ingest, from: Sender, name: string): Promise<Answer[]> {
  const batch = Object.entries(postHogEvents(name)).map(([where, fields]) => ({
    ...{ event: 'bought', distinct_id: 'ada', uuid: where, timestamp: ISO, properties: {} },
    ...fields,
  }));
  const post = (url: string, body: object, more: Message = {}) => api.send({ url, body, key: null, ...more });
  const body = (uuid: string) => ({
    api_key: from.key,
    sent_at: sentNow(),
    [name]: 'v',
    batch: [{ ...batch[0], uuid }],
  });
  return [
    await post('/batch/', { api_key: from.key, sent_at: sentNow(), batch }),
    await post(`/e/?${name}=1&compression=${name}`, body('by query')),
    await post('/e/', body('by type'), { type: name }),
    await post('/e/', { ...body('by key'), api_key: name }),
    await post('/e/', [name, { [name]: 1 }]),
    await post('/flags/?v=2', {
      ...{ api_key: from.key, distinct_id: name, flag_keys_to_evaluate: [name], [name]: 1 },
      ...{ person_properties: { [name]: 'v' }, groups: { [name]: 'v' }, group_properties: { [name]: { [name]: 1 } } },
    }),
    await api.send({ method: 'GET', url: `/array/${name}/config`, key: null }),
  ];
}

async function sendSegment(api: Ingest, from: Sender, name: string): Promise<Answer[]> {
  const messages: Record<string, object> = {
    type: { type: name },
    event: { event: name },
    property: { properties: { [name]: 1, nested: { [name]: 'v' } } },
    'value of a property': { properties: { plan: name, url: name, title: name } },
    context: { context: { [name]: 'v', sessionId: name, page: { [name]: 'v', path: name }, screen: { [name]: 1 } } },
    user: { userId: name },
    anonymous: { userId: undefined, anonymousId: name },
    traits: { type: 'identify', traits: { [name]: 'v', nested: { [name]: 1 } } },
    page: { type: 'page', name, category: name, properties: { [name]: 'v' } },
    screen: { type: 'screen', name },
    group: { type: 'group', groupId: name, traits: { [name]: 'v' } },
    alias: { type: 'alias', previousId: name, userId: 'bob' },
    field: { [name]: 'v', integrations: { [name]: true } },
  };
  const batch = Object.entries(messages).map(([messageId, fields]) => ({
    ...{ type: 'track', messageId, event: 'bought', userId: 'ada', timestamp: ISO },
    ...fields,
  }));
  const post = (url: string, body: object, more: Message = {}) => api.send({ url, body, key: from.key, ...more });
  return [
    await post('/v1/batch', { batch, sentAt: sentNow(), [name]: 'v', context: { [name]: 'v' } }),
    await post(`/v1/batch?${name}=1`, { batch: [{ ...batch[1], messageId: 'by type' }] }, { type: name }),
    await post('/v1/batch', { batch: [name, { [name]: 1 }] }),
  ];
}

async function sendOurs(api: Ingest, from: Sender, name: string): Promise<Answer[]> {
  const event = (eventId: string, fields: object) => click({ eventId, timestampMs: AT, ...fields });
  const error = (errorId: string, fields: object) => ({
    ...{ errorId, timestampMs: AT, errorType: 'runtime', message: 'boom', stackTrace: '' },
    ...fields,
  });
  const events = [
    event('eventType', { eventType: name }),
    event('key', { metadata: { [name]: 'v' } }),
    event('nested', { metadata: { a: { [name]: 'v' } } }),
    event('value', { metadata: { name }, pageUrl: name, elementTid: name, sessionId: name }),
    event('profile', { profileId: name }),
    event('field', { [name]: 'v' }),
    event('page', { pageContext: { [name]: 1, path: name } }),
    event('wrong', { pageContext: { loadTimeMs: name } }),
  ];
  const heatmapEvents = [point({ timestampMs: AT, pageUrl: name, [name]: 1 })];
  const errors = [
    error('severity', { severity: name }),
    error('errorType', { errorType: name }),
    error('tag', { tags: { [name]: 'v' } }),
    error('breadcrumb', { breadcrumbs: [{ timestampMs: AT, category: name, message: name, data: { [name]: name } }] }),
    error('release', { release: name }),
    error('environment', { environment: name }),
    error('browser', { browserContext: { browser: name, [name]: 'v' } }),
    error('source', { sourceFile: name, message: name }),
    error('field', { [name]: 'v' }),
  ];
  const post = (url: string, body: Message['body'] & {}, more: Message = {}) =>
    api.send({ url, body, key: from.key, ...more });
  const protobuf = 'application/x-protobuf';
  const [, key, , value] = events as Parameters<typeof encodeEventBatch>[0]['events'] & {};
  const [, , tag, breadcrumb] = errors as Parameters<typeof encodeErrorBatch>[0]['errors'] & {};
  return [
    await post('/v1/events', { events, heatmapEvents, [name]: [] }),
    await post('/v1/errors', { errors, [name]: [] }),
    await post(
      '/v1/events',
      Buffer.from(
        encodeEventBatch({
          events: [
            { ...key, eventId: 'p1' },
            { ...value, eventId: 'p2' },
          ],
        }),
      ),
      { type: protobuf },
    ),
    await post(
      '/v1/errors',
      Buffer.from(
        encodeErrorBatch({
          errors: [
            { ...tag, errorId: 'p1' },
            { ...breadcrumb, errorId: 'p2' },
          ],
        }),
      ),
      { type: protobuf },
    ),
    await post('/v1/events', { events: [event('by key', {})] }, { headers: { 'idempotency-key': name } }),
    await post(`/v1/events?${name}=1`, { events: [event('by query', {})] }),
    await post('/v1/events', { events: [event('by type', {})] }, { type: name }),
    await post('/v1/events', { events: [event('by parameter', {})] }, { type: `application/json; ${name}=${name}` }),
    await post('/v1/errors', { errors: [error('by encoding', {})] }, { headers: { 'content-encoding': name } }),
    await post(
      '/v1/events',
      { events: [event('by header', {})] },
      { headers: { [name]: name, origin: `${name}://x` } },
    ),
    await api.send({ method: 'GET', url: `/v1/batches/${name}`, key: from.key }),
    await ask(api.api, { body: { events: [] }, key: name }),
    await ask(api.api, { body: { events: [] }, headers: { authorization: name } }),
  ];
}

async function askFlags(api: Ingest, from: Sender, name: string): Promise<Answer[]> {
  const post = (url: string, body: object) => api.send({ url, body, key: from.key });
  const context = { targetingKey: 'ada', [name]: 'v', plan: name, nested: { [name]: 'v' } };
  const get = (url: string) => api.send({ method: 'GET', url, key: from.key });
  return [
    await post('/ofrep/v1/evaluate/flags', { context }),
    await post('/ofrep/v1/evaluate/flags', { context: { targetingKey: name }, [name]: 1 }),
    await post(`/ofrep/v1/evaluate/flags/${name}`, { context }),
    await get(`/v1/flags?profileId=${name}&${name}=1`),
    await get(`/${name}`),
  ];
}

const PROTOCOLS: Readonly<Record<string, (api: Ingest, from: Sender, name: string) => Promise<Answer[]>>> = {
  Sentry: sendSentry,
  PostHog: sendPostHog,
  Segment: sendSegment,
  'our own': sendOurs,
  flags: askFlags,
};

describe('a name that every object inherits', () => {
  let api: Ingest;
  let count = 0;
  before(async () => {
    api = await ingest('inherited_names');
  });
  after(() => api.close());

  for (const [protocol, send] of Object.entries(PROTOCOLS)) {
    it(`is a name like any other in each place of the protocol: ${protocol}`, async () => {
      const of = async (name: string) =>
        outcome(api, await api.register(`app-${String((count += 1))}`), name, (from) => send(api, from, name));
      const expected = await of(UNKNOWN);
      assert.ok(expected.answers.some((answer) => /^20/.test(answer)));
      assert.ok(
        expected.flushes.every((state) => state === 'stored'),
        expected.flushes.join(),
      );
      for (const name of INHERITED) assert.deepEqual(await of(name), expected, name);
    });
  }
});
