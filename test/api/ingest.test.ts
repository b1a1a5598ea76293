import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import type { EventDoc } from '../../db/events.js';
import { decodeIngestResponse, encodeEventBatch } from '../../proto/codec.js';
import { type Answer, click, ingest, type Ingest, point, rejection } from '../helper/ingest.js';

const PROTOBUF = 'application/x-protobuf';
const protobuf = (...events: object[]) => Buffer.from(encodeEventBatch({ events }));
const json = (...events: object[]) => Buffer.from(JSON.stringify({ events }));
const counts = ({ body }: Answer) => [body.eventsAccepted, body.eventsRejected];

describe('POST /v1/events', () => {
  let it_: Ingest;
  before(async () => {
    it_ = await ingest('ingest');
  });
  after(() => it_.close());

  const refused = async (status: number, code: string, sent: Promise<Answer>): Promise<Answer> => {
    const held = await it_.flushes.countDocuments();
    const answer = await sent;
    assert.equal(answer.status, status, answer.raw.toString());
    assert.equal(answer.body.code, code);
    assert.match(String(answer.headers['content-type']), /^application\/problem\+json/);
    assert.equal(await it_.flushes.countDocuments(), held, 'nothing is taken of what is refused');
    return answer;
  };

  describe('answers', () => {
    it('JSON with 202, the counts and the id of the batch', async () => {
      const answer = await it_.send({ body: { events: [click(), click()], heatmapEvents: [point()] } });
      assert.equal(answer.status, 202);
      assert.match(String(answer.headers['content-type']), /^application\/json/);
      const { batchId, ...rest } = answer.body;
      assert.match(batchId, /^[0-9a-f]{64}$/);
      assert.deepEqual(rest, { success: true, eventsAccepted: 3, eventsRejected: 0, rejected: [] });
    });

    it('protobuf with 202 and an IngestResponse', async () => {
      const answer = await it_.send({ body: protobuf(click(), click({ eventType: '' })), type: PROTOBUF });
      assert.equal(answer.status, 202);
      assert.equal(answer.headers['content-type'], PROTOBUF);
      assert.deepEqual(decodeIngestResponse(answer.raw), { success: true, eventsAccepted: 1, eventsRejected: 1 });
    });

    it('in the format that Accept names, else in the one of the request', async () => {
      const typeOf = async (type: string, accept: string) => {
        const body = type === PROTOBUF ? protobuf(click()) : json(click());
        const answer = await it_.send({ body, type, headers: { accept } });
        assert.equal(answer.status, 202);
        return String(answer.headers['content-type']).split(';')[0];
      };
      assert.equal(await typeOf(PROTOBUF, 'application/json'), 'application/json');
      assert.equal(await typeOf('application/json', 'application/protobuf'), PROTOBUF);
      assert.equal(await typeOf('application/json', '*/*'), 'application/json');
      assert.equal(await typeOf(PROTOBUF, '*/*'), PROTOBUF);
    });

    it('202 to an empty batch, in both formats, and the receipt of it says so', async () => {
      assert.equal((await it_.send({ body: Buffer.alloc(0), type: PROTOBUF })).status, 202);
      const answer = await it_.send({ body: {} });
      assert.equal(answer.status, 202);
      assert.deepEqual([answer.body.success, ...counts(answer)], [true, 0, 0]);
      assert.equal((await it_.receipt(answer.body.batchId)).body.accepted, 0);
    });

    it('400 with the same body where every event is rejected', async () => {
      const events = [click({ eventType: '' }), click({ timestampMs: 0 })];
      const answer = await it_.send({ body: { events } });
      assert.equal(answer.status, 400);
      assert.match(String(answer.headers['content-type']), /^application\/json/);
      assert.deepEqual([answer.body.success, ...counts(answer)], [false, 0, 2]);
      assert.deepEqual(answer.body.rejected, [
        rejection('events', 0, 'FIELD_MISSING', 'eventType'),
        rejection('events', 1, 'TIMESTAMP_MISSING', 'timestampMs'),
      ]);
      const asProtobuf = await it_.send({ body: protobuf(...events), type: PROTOBUF });
      assert.equal(asProtobuf.status, 400);
      const expected = { success: false, eventsAccepted: 0, eventsRejected: 2 };
      assert.deepEqual(decodeIngestResponse(asProtobuf.raw), expected);
    });

    it('where each rejected one stands and why, and takes the good ones around it', async () => {
      const [first, last] = [click(), click()];
      const events = [first, click({ pageContext: { viewportWidth: -1 } }), 'no event', last];
      const answer = await it_.send({ body: { events, heatmapEvents: [point({ x: 'abc' }), point({ x: 77 })] } });
      assert.equal(answer.status, 202);
      assert.deepEqual(counts(answer), [3, 3]);
      assert.deepEqual(answer.body.rejected, [
        rejection('events', 1, 'FIELD_INVALID', 'pageContext.viewportWidth'),
        rejection('events', 2, 'FIELD_INVALID', ''),
        rejection('heatmapEvents', 0, 'FIELD_INVALID', 'x'),
      ]);
      await it_.storeAll();
      const ids = [first.eventId, last.eventId];
      assert.equal(await it_.db.collection('events').countDocuments({ eventId: { $in: ids } }), 2);
      assert.equal(await it_.db.collection('heatmap_events').countDocuments({ x: 77 }), 1);
    });
  });

  describe('reads', () => {
    for (const type of [PROTOBUF, 'application/protobuf', 'application/octet-stream', 'text/plain', null])
      it(`protobuf sent as ${String(type)}`, async () => {
        const answer = await it_.send({ body: protobuf(click()), type });
        assert.equal(answer.status, 202, answer.raw.toString());
        assert.equal(decodeIngestResponse(answer.raw).eventsAccepted, 1);
      });

    for (const type of ['application/json', 'Application/JSON; charset=utf-8', 'text/plain;charset=UTF-8', null])
      it(`JSON sent as ${String(type)}`, async () => {
        const answer = await it_.send({ body: json(click()), type });
        assert.equal(answer.status, 202, answer.raw.toString());
        assert.deepEqual(counts(answer), [1, 0]);
      });

    const packings: readonly [string, (body: Buffer) => Buffer, string | undefined][] = [
      ['gzip', gzipSync, 'gzip'],
      ['gzip under its old name', gzipSync, 'x-gzip'],
      ['gzip that nobody announced', gzipSync, undefined],
      ['deflate', deflateSync, 'deflate'],
      ['deflate without its wrapper', deflateRawSync, 'deflate'],
      ['brotli', brotliCompressSync, 'br'],
      ['identity', (body) => body, 'identity'],
    ];
    for (const [name, pack, encoding] of packings)
      it(`both formats packed as ${name}, whatever the content type`, async () => {
        const headers: Record<string, string> = encoding === undefined ? {} : { 'content-encoding': encoding };
        for (const type of [PROTOBUF, 'text/plain', null]) {
          const answer = await it_.send({ body: pack(protobuf(click(), click())), type, headers });
          assert.equal(answer.status, 202, answer.raw.toString());
          assert.equal(decodeIngestResponse(answer.raw).eventsAccepted, 2);
        }
        for (const type of ['application/json', 'text/plain', null]) {
          const answer = await it_.send({ body: pack(json(click(), click())), type, headers });
          assert.deepEqual([answer.status, ...counts(answer)], [202, 2, 0]);
        }
      });

    it('snake_case, int64 as text and null, and ignores fields that it does not know', async () => {
      const timestampMs = Date.now();
      const event = {
        event_id: `snake-${String(timestampMs)}`,
        profile_id: 'anna',
        timestamp_ms: String(timestampMs),
        event_type: 'click',
        page_url: null,
        metadata: null,
        page_context: { load_time_ms: '12', viewport_width: 5, colour: 'red' },
        newer: { than: ['this'] },
      };
      const point_ = { ...point({ x: 4711 }), viewport_width: 1, viewportWidth: undefined, pressure: 0.5 };
      const answer = await it_.send({ body: { events: [event], heatmap_events: [point_], sentAt: 'now' } });
      assert.deepEqual([answer.status, ...counts(answer)], [202, 2, 0], answer.raw.toString());
      await it_.storeAll();
      const stored = await it_.db.collection<EventDoc>('events').findOne({ eventId: event.event_id });
      assert.equal(stored?.timestampMs, timestampMs);
      assert.deepEqual([stored.pageContext?.loadTimeMs, stored.pageContext?.viewportWidth], [12, 5]);
      assert.equal((await it_.db.collection('heatmap_events').findOne({ x: 4711 }))?.['viewportWidth'], 1);
    });

    it('protobuf with fields of a newer schema', async () => {
      const unknown = Buffer.from([0xfa, 0x07, 0x03, 0x61, 0x62, 0x63]);
      const answer = await it_.send({ body: Buffer.concat([unknown, protobuf(click()), unknown]), type: PROTOBUF });
      assert.equal(decodeIngestResponse(answer.raw).eventsAccepted, 1);
    });
  });

  describe('refuses', () => {
    const gzipped = gzipSync(json(click()));
    const malformed: readonly [string, { body: Buffer; type?: string; headers?: Record<string, string> }][] = [
      ['a protobuf message that is cut off', { body: protobuf(click()).subarray(0, -3), type: PROTOBUF }],
      ['protobuf whose text is no UTF-8', { body: Buffer.from([0x0a, 0x03, 0x0a, 0x01, 0xff]), type: PROTOBUF }],
      ['bytes that are no message', { body: Buffer.from([0x07]), type: 'application/octet-stream' }],
      ['JSON sent as protobuf', { body: json(click()), type: PROTOBUF }],
      ['JSON that is cut off', { body: json(click()).subarray(0, -1) }],
      ['JSON that is no object', { body: Buffer.from('[]') }],
      ['JSON whose events are no list', { body: Buffer.from('{"events":{}}') }],
      ['JSON that is no UTF-8', { body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]) }],
      ['an empty body as JSON', { body: Buffer.from(' ') }],
      ['gzip that is cut off', { body: gzipped.subarray(0, -9), headers: { 'content-encoding': 'gzip' } }],
      ['gzip with a wrong checksum', { body: Buffer.concat([gzipped.subarray(0, -8), Buffer.alloc(8)]) }],
      ['what is announced as gzip and is none', { body: json(click()), headers: { 'content-encoding': 'gzip' } }],
      ['what is announced as brotli and is none', { body: gzipped, headers: { 'content-encoding': 'br' } }],
      ['what is announced as deflate and is none', { body: json(click()), headers: { 'content-encoding': 'deflate' } }],
      ['an encoding that nobody knows', { body: gzipped, headers: { 'content-encoding': 'zstd' } }],
      ['two encodings', { body: gzipSync(gzipped), headers: { 'content-encoding': 'gzip, gzip' } }],
    ];
    for (const [name, message] of malformed)
      it(`${name}, with BODY_MALFORMED`, async () => {
        await refused(400, 'BODY_MALFORMED', it_.send(message));
      });

    for (const type of ['application/xml', 'text/html', 'multipart/form-data; boundary=x', 'image/png', 'nonsense'])
      it(`${type}, with CONTENT_TYPE_UNSUPPORTED`, async () => {
        await refused(415, 'CONTENT_TYPE_UNSUPPORTED', it_.send({ body: json(click()), type }));
      });

    it('no key, a wrong one, an unknown one, a revoked one, an expired one and one of a member, with 401', async () => {
      const { app } = it_.shop;
      const keys = [
        null,
        'exp_short',
        `exp_${'x'.repeat(40)}`,
        `exm_${'x'.repeat(40)}`,
        await it_.addKey(app, 'client', { revokedAt: new Date() }),
        await it_.addKey(app, 'server', { expiresAt: new Date(Date.now() - 1) }),
      ];
      for (const key of keys) {
        const answer = await refused(401, 'UNAUTHENTICATED', it_.send({ body: { events: [click()] }, key }));
        assert.ok(key === null || !answer.raw.includes(key));
      }
    });

    it('an origin that the key does not allow, with 403, and takes those that it does and servers', async () => {
      const key = await it_.addKey(it_.shop.app, 'client', { origins: ['https://shop.example.com'] });
      const from = (headers: Record<string, string>) => it_.send({ body: { events: [click()] }, key, headers });
      await refused(403, 'ORIGIN_NOT_ALLOWED', from({ origin: 'https://evil.example.com' }));
      assert.equal((await from({ origin: 'https://shop.example.com' })).status, 202);
      assert.equal((await from({})).status, 202);
    });

    it('an event of another app, which costs that event only', async () => {
      const events = [click({ appId: 'shop' }), click({ appId: 'other' }), click({ appId: '' })];
      const answer = await it_.send({ body: { events, heatmapEvents: [point({ appId: 'other' })] } });
      assert.equal(answer.status, 202);
      assert.deepEqual(answer.body.rejected, [
        rejection('events', 1, 'APP_MISMATCH', 'appId'),
        rejection('heatmapEvents', 0, 'APP_MISMATCH', 'appId'),
      ]);
    });

    it('what is no POST', async () => {
      assert.equal((await it_.send({ method: 'GET' })).status, 404);
    });
  });

  describe('for browsers', () => {
    const origin = 'https://shop.example.com';

    it('takes what sendBeacon can send: text/plain, the key in the query, no other header', async () => {
      const url = `/v1/events?key=${it_.shop.key}`;
      const headers = { origin };
      const answer = await it_.send({ body: json(click()), type: 'text/plain;charset=UTF-8', key: null, url, headers });
      assert.deepEqual([answer.status, ...counts(answer)], [202, 1, 0]);
    });

    it('takes the key as X-API-Key', async () => {
      const headers = { 'x-api-key': it_.shop.key };
      assert.equal((await it_.send({ body: json(click()), key: null, headers })).status, 202);
    });

    it('answers a preflight without a key, for every header that it reads', async () => {
      const asked = 'authorization,x-api-key,content-type,content-encoding,idempotency-key';
      const headers = {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': asked,
      };
      const answer = await it_.send({ method: 'OPTIONS', key: null, headers });
      assert.equal(answer.status, 204);
      assert.equal(answer.headers['access-control-allow-origin'], origin);
      assert.match(String(answer.headers['access-control-allow-methods']), /\bPOST\b/);
      assert.equal(answer.headers['access-control-allow-headers'], asked);
      assert.equal(answer.headers['access-control-allow-credentials'], undefined);
    });

    it('lets a page read answers and refusals, and when to come back', async () => {
      const good = await it_.send({ body: { events: [click()] }, headers: { origin } });
      const bad = await it_.send({ body: '{', headers: { origin } });
      for (const { headers } of [good, bad]) {
        assert.equal(headers['access-control-allow-origin'], origin);
        assert.match(String(headers['access-control-expose-headers']), /Retry-After/);
      }
    });
  });
});
