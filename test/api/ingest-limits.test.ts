import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import { encodeEventBatch } from '../../proto/codec.js';
import { type Answer, click, ingest, type Ingest, point, type Rejected, rejection } from '../helper/ingest.js';

const PROTOBUF = 'application/x-protobuf';
const DAY = 86_400_000;
const MIB = 1024 * 1024;
const page = (fields: object) => ({ pageContext: fields });
const element = (fields: object) => ({ elementContext: fields });

describe('the limits of ingest', () => {
  let it_: Ingest;
  before(async () => {
    it_ = await ingest('ingest_limits');
  });
  after(() => it_.close());

  async function refused(status: number, code: string, sent: Promise<Answer>): Promise<void> {
    const held = await it_.flushes.countDocuments();
    const answer = await sent;
    assert.deepEqual([answer.status, answer.body.code], [status, code], answer.raw.toString().slice(0, 300));
    assert.equal(await it_.flushes.countDocuments(), held, 'nothing is taken of what is refused');
  }

  /** Sends one event between two good ones, and gives why it was rejected. */
  async function verdict(fields: object): Promise<Rejected | undefined> {
    const { status, body } = await it_.send({ body: { events: [click(), click(fields), click()] } });
    assert.equal(status, 202);
    assert.equal(body.eventsAccepted, 3 - body.rejected.length);
    assert.ok(body.rejected.length <= 1 && body.rejected.every(({ index }) => index === 1));
    return body.rejected[0];
  }

  async function keeps(fields: object): Promise<Record<string, unknown>> {
    const event = click(fields);
    const answer = await it_.send({ body: { events: [event] } });
    assert.equal(answer.status, 202, answer.raw.toString());
    await it_.storeAll();
    const stored = await it_.db.collection('events').findOne({ eventId: event.eventId });
    assert.ok(stored, 'stored');
    return stored;
  }

  describe('on a body', () => {
    it('of 4 MiB as sent', async () => {
      const padded = (size: number) => Buffer.from('{"events":[]}'.padEnd(size));
      assert.equal((await it_.send({ body: padded(4 * MIB) })).status, 202);
      await refused(413, 'BODY_TOO_LARGE', it_.send({ body: padded(4 * MIB + 1) }));
    });

    it('of 8 MiB inflated', async () => {
      const headers = { 'content-encoding': 'gzip' };
      const padded = (size: number) => gzipSync(Buffer.from('{"events":[]}'.padEnd(size)));
      assert.equal((await it_.send({ body: padded(8 * MIB), headers })).status, 202);
      await refused(413, 'BODY_TOO_LARGE', it_.send({ body: padded(8 * MIB + 1), headers }));
    });

    it('hold against a thousandfold bomb in each packing, without the memory it asks for', async () => {
      const bomb = Buffer.alloc(64 * MIB, 0x20);
      const quick = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } };
      const packed = { gzip: gzipSync(bomb), deflate: deflateSync(bomb), br: brotliCompressSync(bomb, quick) };
      for (const [encoding, body] of Object.entries(packed)) {
        assert.ok(body.length < bomb.length / 1000);
        const before = process.memoryUsage();
        await refused(413, 'BODY_TOO_LARGE', it_.send({ body, headers: { 'content-encoding': encoding } }));
        const after = process.memoryUsage();
        assert.ok(after.arrayBuffers - before.arrayBuffers < 64 * MIB, encoding);
        assert.ok(after.heapUsed - before.heapUsed < 64 * MIB, encoding);
      }
    });

    it('of 3,000 items in both lists together', async () => {
      const batch = (events: number, points: number) => ({
        events: Array.from({ length: events }, () => click()),
        heatmapEvents: Array.from({ length: points }, (_, x) => point({ x })),
      });
      const most = await it_.send({ body: batch(1_500, 1_500) });
      assert.deepEqual([most.status, most.body.eventsAccepted], [202, 3_000]);
      await refused(413, 'BATCH_TOO_LARGE', it_.send({ body: batch(1_500, 1_501) }));
      const asProtobuf = Buffer.from(encodeEventBatch(batch(3_001, 0)));
      await refused(413, 'BATCH_TOO_LARGE', it_.send({ body: asProtobuf, type: PROTOBUF }));
    });

    it('hold against a million events in one body', async () => {
      const million = Buffer.alloc(2_000_000);
      for (let at = 0; at < million.length; at += 2) million[at] = 0x0a;
      await refused(413, 'BATCH_TOO_LARGE', it_.send({ body: million, type: PROTOBUF }));
      await refused(413, 'BATCH_TOO_LARGE', it_.send({ body: `{"events":[${'{},'.repeat(999_999)}{}]}` }));
    });

    it('hold against a million brackets', async () => {
      await refused(400, 'BODY_MALFORMED', it_.send({ body: '['.repeat(1_000_000) }));
      const deep = `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`;
      const answer = await it_.send({ body: `{"events":[{"metadata":{"a":${deep}}}]}` });
      assert.deepEqual(
        [answer.status, answer.body.rejected],
        [400, [rejection('events', 0, 'FIELD_INVALID', 'metadata')]],
      );
    });
  });

  describe('on an event', () => {
    const long = (length: number) => 'x'.repeat(length);
    const tooLong: readonly [field: string, fields: object][] = [
      ['eventId', { eventId: long(8193) }],
      ['profileId', { profileId: long(8193) }],
      ['sessionId', { sessionId: long(8193) }],
      ['eventType', { eventType: long(201) }],
      ['pageUrl', { pageUrl: long(4097) }],
      ['elementTid', { elementTid: long(8193) }],
      ['metadata', { metadata: { a: long(1025) } }],
      ['metadata', { metadata: { [long(201)]: 'a' } }],
      ['metadata', { metadata: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`k${String(n)}`, n])) }],
      ['pageContext.path', page({ path: long(4097) })],
      ['pageContext.title', page({ title: long(8193) })],
      ['pageContext.referrer', page({ referrer: long(4097) })],
      ['elementContext.tag', element({ tag: long(8193) })],
      ['elementContext.text', element({ text: long(8193) })],
    ];
    for (const [field, fields] of tooLong)
      it(`rejects it with FIELD_TOO_LONG for ${field}: ${JSON.stringify(fields).slice(0, 30)}...`, async () => {
        assert.deepEqual(await verdict(fields), rejection('events', 1, 'FIELD_TOO_LONG', field));
      });

    it('keeps 64 entries of 200 bytes and 1 KiB where the event stays under 64 KiB', async () => {
      const metadata = (entries: number) =>
        Object.fromEntries(Array.from({ length: entries }, (_, n) => [String(n).padStart(200, 'k'), long(1024)]));
      assert.deepEqual((await keeps({ metadata: metadata(50) }))['metadata'], metadata(50));
      const small = Object.fromEntries(Array.from({ length: 64 }, (_, n) => [`k${String(n)}`, long(500)]));
      assert.deepEqual((await keeps({ metadata: small }))['metadata'], small);
    });

    it('rejects one over 64 KiB though each field is within its limit', async () => {
      const metadata = Object.fromEntries(Array.from({ length: 64 }, (_, n) => [`k${String(n)}`, long(1024)]));
      assert.deepEqual(await verdict({ metadata }), rejection('events', 1, 'FIELD_TOO_LONG', 'event'));
    });

    const invalid: readonly [field: string, fields: object][] = [
      ['pageContext.viewportWidth', page({ viewportWidth: -1 })],
      ['pageContext.viewportHeight', page({ viewportHeight: 1.5 })],
      ['pageContext.loadTimeMs', page({ loadTimeMs: -1 })],
      ['pageContext.loadTimeMs', page({ loadTimeMs: 'NaN' })],
      ['pageContext.loadTimeMs', page({ loadTimeMs: '9223372036854775807' })],
      ['elementContext.x', element({ x: 2 ** 31 })],
      ['elementContext.y', element({ y: -(2 ** 31) - 1 })],
      ['elementContext.y', element({ y: Infinity })],
      ['elementContext.scrollDepthPct', element({ scrollDepthPct: 101 })],
      ['elementContext.scrollDepthPct', element({ scrollDepthPct: -1 })],
      ['timestampMs', { timestampMs: 'yesterday' }],
      ['timestampMs', { timestampMs: 1.5 }],
      ['timestampMs', { timestampMs: '99999999999999999999' }],
      ['eventId', { eventId: 5 }],
      ['metadata', { metadata: 'text' }],
      ['metadata', { metadata: { 'a\0b': 'c' } }],
      ['pageContext', { pageContext: [] }],
    ];
    for (const [field, fields] of invalid)
      it(`rejects it with FIELD_INVALID for ${field}: ${JSON.stringify(fields)}`, async () => {
        // `1e999` is what JSON can spell and no number holds; `stringify` makes null of it.
        const text = JSON.stringify({ events: [click(), click(fields)] }).replace('"y":null', '"y":1e999');
        const { body } = await it_.send({ body: text });
        assert.deepEqual(body.rejected, [rejection('events', 1, 'FIELD_INVALID', field)]);
      });

    it('rejects NaN and numbers beyond 2^53 from protobuf, and keeps int32 to its ends', async () => {
      const events = [
        click({ pageContext: { loadTimeMs: -1 } }),
        click({ elementContext: { x: -(2 ** 31), y: 2 ** 31 - 1 } }),
        click({ timestampMs: -5 }),
      ];
      // An int64 field of 2^63 - 1, which no number holds.
      const huge = Buffer.from([0x0a, 0x0b, 0x52, 0x09, 0x30, ...Buffer.alloc(7, 0xff), 0x7f]);
      const body = Buffer.concat([Buffer.from(encodeEventBatch({ events })), huge]);
      const answer = await it_.send({ body, type: PROTOBUF, headers: { accept: 'application/json' } });
      assert.equal(answer.status, 202);
      assert.deepEqual(
        answer.body.rejected.map(({ index }) => index),
        [0, 2, 3],
      );
    });

    it('gives each time that is out of bounds its own code, and moves none', async () => {
      const now = Date.now();
      const code = async (timestampMs?: number) => (await verdict({ timestampMs }))?.code;
      assert.equal(await code(undefined), 'TIMESTAMP_MISSING');
      assert.equal(await code(0), 'TIMESTAMP_MISSING');
      assert.equal(await code(-1), 'TIMESTAMP_MISSING');
      assert.equal(await code(now + DAY + 60_000), 'TIMESTAMP_IN_FUTURE');
      assert.equal(await code(Date.UTC(50_000, 0)), 'TIMESTAMP_IN_FUTURE');
      assert.equal(await code(now - 90 * DAY - 1), 'TIMESTAMP_TOO_OLD');
      for (const good of [now + DAY - 60_000, now - 89 * DAY])
        assert.equal((await keeps({ timestampMs: good }))['timestampMs'], good);
    });

    it('takes the session for somebody who is not known, and rejects an event of nobody', async () => {
      assert.deepEqual(
        await verdict({ profileId: '', sessionId: '' }),
        rejection('events', 1, 'PROFILE_MISSING', 'profileId'),
      );
      const session = `s-${String(Math.random())}`;
      const { profileId } = await keeps({ profileId: '', sessionId: session });
      const profile = await it_.db.collection('profiles').findOne({ externalId: `session:${session}` });
      assert.deepEqual(profile?.['profileId'], profileId);
    });
  });

  describe('on keys and texts', () => {
    it('keep every odd key as data', async () => {
      const odd: [string, string][] = [
        ['$set', 'a'],
        ['$where', '1'],
        ['a.b.c', 'b'],
        ['', 'empty'],
        ['__proto__', 'polluted'],
        ['constructor', 'c'],
        ['toString', 'd'],
        ['toBSON', 'e'],
        ['_bsontype', 'ObjectId'],
        ['_id', 'f'],
        ['7', 'seven'],
        ['ключ', 'значение'],
        ['😀', '\u0000 in a value, \r\n and \u2028'],
      ];
      const expected = new Map(odd);
      // `fromEntries` makes own properties of all of them, `stringify` writes them all.
      const metadata = Object.fromEntries(odd);
      const event = click();
      const text = JSON.stringify({ events: [{ ...event, metadata }] });
      assert.ok(text.includes('__proto__'));
      assert.equal((await it_.send({ body: text })).body.eventsAccepted, 1);
      const second = click();
      const body = Buffer.from(encodeEventBatch({ events: [{ ...second, metadata }] }));
      assert.equal((await it_.send({ body, type: PROTOBUF })).status, 202);
      await it_.storeAll();
      for (const { eventId } of [event, second]) {
        const [stored] = await it_.db
          .collection('events')
          .aggregate([{ $match: { eventId } }, { $project: { pairs: { $objectToArray: '$metadata' } } }])
          .toArray();
        const pairs = (stored?.['pairs'] as { k: string; v: string }[]).map(({ k, v }): [string, string] => [k, v]);
        assert.deepEqual(new Map(pairs), expected);
      }
      assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
    });

    it('make U+FFFD of a lone surrogate in JSON, in keys and in texts', async () => {
      const event = click();
      const text = JSON.stringify({ events: [{ ...event, elementTid: 'T', metadata: { K: 'V' } }] });
      const body = text.replace('"T"', '"a\\ud800b"').replace('"K":"V"', '"\\udc00":"\\ud83d"');
      assert.equal((await it_.send({ body })).body.eventsAccepted, 1);
      await it_.storeAll();
      const stored = await it_.db.collection('events').findOne({ eventId: event.eventId });
      assert.deepEqual([stored?.['elementTid'], stored?.['metadata']], ['a\ufffdb', { '\ufffd': '\ufffd' }]);
    });

    it('keep a value that is no text as its JSON', async () => {
      const metadata = { n: 1.5, yes: true, list: [1, { a: 'b' }], none: null };
      const stored = await keeps({ metadata: metadata as never });
      assert.deepEqual(stored['metadata'], { n: '1.5', yes: 'true', list: '[1,{"a":"b"}]' });
    });
  });

  describe('on what is stored', () => {
    it('has every field of the data model, as it was sent', async () => {
      const timestampMs = Date.now() - 5_000;
      const event = click({
        timestampMs,
        elementTid: 'buy',
        metadata: { plan: 'pro' },
        pageContext: { path: '/', title: 'Home', referrer: 'r', viewportWidth: 1, viewportHeight: 2, loadTimeMs: 3 },
        elementContext: { tag: 'a', text: 't', x: -1, y: 2 ** 31 - 1, scrollDepthPct: 100 },
      });
      const { _id, profileId, receivedAt, ...stored } = await keeps(event);
      const appId = it_.shop.app.id;
      const day = Math.floor(timestampMs / DAY);
      const { profileId: sent, ...rest } = event;
      assert.deepEqual(stored, { ...rest, appId, timestamp: new Date(timestampMs), meta: { appId, day } });
      assert.ok(Math.abs((receivedAt as Date).getTime() - Date.now()) < 60_000);
      assert.equal(String(_id).length, 24);
      assert.deepEqual((await it_.db.collection('profiles').findOne({ profileId }))?.['externalId'], sent);
    });

    it('has a name of its own for an event that the data model does not know', async () => {
      const custom = await keeps({ eventType: 'Order Completed' });
      assert.deepEqual([custom['eventType'], custom['eventName']], ['custom', 'Order Completed']);
      const plain = await keeps({ eventType: 'custom' });
      assert.deepEqual([plain['eventType'], Object.hasOwn(plain, 'eventName')], ['custom', false]);
    });
  });
});
