import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { ObjectId } from 'mongodb';
import { EVENT_TYPES } from '../../domain/event.js';
import { encodeEventBatch } from '../../proto/codec.js';
import { type Answer, click, ingest, type Ingest, type Message, point } from '../helper/ingest.js';

/** Any other by PROPERTY_SEED; a failure prints the seed it ran with. */
const SEED = Number(process.env['PROPERTY_SEED'] ?? 20_260_301);
const RUNS = 50;
const BODIES_A_RUN = 25;

/** One thing that may happen to bytes on their way; places are shares of the length, so that they fit any body. */
type Damage =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'splice'; readonly at: number; readonly remove: number; readonly insert: Uint8Array }
  | { readonly kind: 'repeat'; readonly at: number; readonly length: number };

const share = fc.double({ min: 0, max: 0.999, noNaN: true });
const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: share, bit: fc.nat(7) }),
  fc.record({ kind: fc.constant('cut' as const), at: share }),
  fc.record({ kind: fc.constant('splice' as const), at: share, remove: fc.nat(8), insert: bytes(8) }),
  fc.record({ kind: fc.constant('repeat' as const), at: share, length: fc.nat(40) }),
);

function damaged(body: Buffer, how: Damage): Buffer {
  const at = Math.floor(how.at * body.length);
  const [head, tail] = [body.subarray(0, at), body.subarray(at)];
  switch (how.kind) {
    case 'flip': {
      const copy = Buffer.from(body);
      if (copy.length > 0) copy[at] = (copy[at] ?? 0) ^ (1 << how.bit);
      return copy;
    }
    case 'cut':
      return head;
    case 'splice':
      return Buffer.concat([head, how.insert, tail.subarray(how.remove)]);
    case 'repeat':
      return Buffer.concat([head, tail.subarray(0, how.length), tail]);
  }
}

const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom('', '__proto__', '_bsontype', 'constructor', '$set', 'a.b', '\0', '\ud800', 'x'.repeat(1_100)),
);
const number = fc.oneof(fc.integer(), fc.nat(100), fc.constantFrom(-1, 0, 2 ** 31, -(2 ** 31)));
const events = fc.array(
  fc
    .record({
      eventType: text,
      profileId: text,
      metadata: fc.dictionary(text, text, { maxKeys: 3 }),
      x: number,
      y: number,
    })
    .map(({ x, y, ...fields }) => click({ ...fields, elementContext: { x, y } })),
  { minLength: 1, maxLength: 5 },
);
const points = fc.array(fc.record({ x: number, y: number }).map(point), { maxLength: 2 });
const json = (body: object) => Buffer.from(JSON.stringify(body));

const valid: fc.Arbitrary<{ readonly url: string; readonly body: Buffer }> = fc.oneof(
  fc.tuple(events, points).map(([some, more]) => ({
    url: '/v1/events',
    body: Buffer.from(encodeEventBatch({ events: some, heatmapEvents: more })),
  })),
  fc
    .tuple(events, points)
    .map(([some, more]) => ({ url: '/v1/events', body: json({ events: some, heatmapEvents: more }) })),
  events.map((some) => ({
    url: '/v1/batch',
    body: json({
      batch: some.map(({ eventId, eventType, metadata, timestampMs }, index) => ({
        type: index === 3 ? 'identify' : 'track',
        messageId: eventId,
        event: eventType,
        userId: 'anna',
        timestamp: timestampMs,
        properties: metadata,
        traits: metadata,
      })),
    }),
  })),
);

const packing = fc.constantFrom<readonly [string | undefined, (body: Buffer) => Buffer]>(
  [undefined, (body) => body],
  [undefined, gzipSync],
  ['gzip', gzipSync],
  ['deflate', deflateSync],
);
const type = fc.constantFrom(
  null,
  'application/x-protobuf',
  'application/json',
  'text/plain',
  'application/octet-stream',
);

const message: fc.Arbitrary<Message> = fc
  .record({
    sent: fc.oneof(
      { arbitrary: valid, weight: 4 },
      { arbitrary: bytes(200).map((body) => ({ url: '/v1/events', body: Buffer.from(body) })), weight: 1 },
    ),
    before: fc.array(damage, { maxLength: 2 }),
    packing,
    after: fc.oneof(
      { arbitrary: fc.constant<Damage[]>([]), weight: 3 },
      { arbitrary: fc.array(damage, { maxLength: 2 }), weight: 1 },
    ),
    type,
  })
  .map(({ sent, before: first, packing: [encoding, pack], after: then, type: stated }) => ({
    url: sent.url,
    body: then.reduce(damaged, pack(first.reduce(damaged, sent.body))),
    type: stated,
    headers: { accept: 'application/json', ...(encoding !== undefined && { 'content-encoding': encoding }) },
  }));

describe('whatever is thrown at ingest', () => {
  let it_: Ingest;
  before(async () => {
    it_ = await ingest('ingest_properties');
  });
  after(() => it_.close());

  it('is taken or refused by name, and what is acknowledged is exactly what is then stored', async () => {
    const acknowledged = new Map<string, Answer>();
    const seen = new Map<number, number>();
    await fc.assert(
      fc.asyncProperty(fc.array(message, { minLength: BODIES_A_RUN, maxLength: BODIES_A_RUN }), async (messages) => {
        for (const answer of await Promise.all(messages.map((each) => it_.send(each)))) {
          const { status, body } = answer;
          seen.set(status, (seen.get(status) ?? 0) + 1);
          assert.ok([202, 400, 413].includes(status), `${String(status)} ${answer.raw.toString()}`);
          if (status === 202) {
            assert.equal(body.success, true);
            acknowledged.set(body.batchId, answer);
          } else {
            const known = ['BODY_MALFORMED', 'BODY_TOO_LARGE', 'BATCH_TOO_LARGE'];
            if (Object.hasOwn(body, 'code')) assert.ok(known.includes(body.code), body.code);
            else assert.deepEqual([body.success, body.eventsAccepted, body.rejected.length > 0], [false, 0, true]);
          }
        }
      }),
      { seed: SEED, numRuns: RUNS, interruptAfterTimeLimit: 20_000, endOnFailure: true },
    );
    assert.ok((seen.get(202) ?? 0) > 50 && (seen.get(400) ?? 0) > 50, JSON.stringify([...seen]));

    const flushes = await it_.flushes.find().toArray();
    const taken = flushes.flatMap(({ batches }) => batches.map(({ key }) => Buffer.from(key.buffer).toString('hex')));
    assert.deepEqual(
      taken.sort(),
      [...acknowledged.keys()].sort(),
      'the spool holds what was acknowledged, and no more',
    );
    const writes = flushes.reduce((sum, flush) => sum + (flush.writes?.length ?? 0), 0);

    await it_.storeAll();
    assert.equal(await it_.flushes.countDocuments({ state: { $ne: 'stored' } }), 0);
    let owned = 0;
    for (const [id, { body }] of acknowledged) {
      const receipt = (await it_.receipt(id)).body;
      assert.deepEqual([receipt.state, receipt.accepted], ['stored', body.eventsAccepted]);
      assert.deepEqual(receipt.rejected, body.rejected);
      assert.equal(receipt.stored + receipt.duplicates, body.eventsAccepted);
      owned += receipt.stored;
    }
    const rows = [...(await it_.stored('events')), ...(await it_.stored('heatmap_events'))];
    assert.equal(rows.length + writes, owned);
    assert.equal(new Set(rows.map(({ _id }) => String(_id))).size, rows.length);
  });

  it('is stored whole or not at all', async () => {
    const types = new Set<unknown>(EVENT_TYPES);
    for (const event of await it_.stored('events')) {
      assert.ok(types.has(event['eventType']), JSON.stringify(event));
      assert.ok(event['profileId'] instanceof ObjectId && event['appId'] instanceof ObjectId);
      assert.ok(typeof event['eventId'] === 'string' && event['eventId'] !== '');
      for (const field of ['sessionId', 'pageUrl', 'elementTid']) assert.equal(typeof event[field], 'string');
      assert.equal((event['timestamp'] as Date).getTime(), event['timestampMs']);
      for (const value of Object.values(event['metadata'] as object)) assert.equal(typeof value, 'string');
    }
    const counts = await it_.db.collection('event_rollups').find().toArray();
    const rows = await it_.db.collection('events').countDocuments();
    const points_ = await it_.db.collection('heatmap_events').countDocuments();
    assert.equal(
      counts.reduce((sum, { count }) => sum + Number(count), 0),
      rows + points_,
    );
  });
});
