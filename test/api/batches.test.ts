import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { batchDeps } from '../../activities/batch-deps.js';
import { batchActivities } from '../../activities/batches.js';
import { lanes } from '../../db/lane.js';
import { spool } from '../../db/spool.js';
import { click, ingest, type Ingest, point, rejection } from '../helper/ingest.js';

const DAY = 86_400_000;
const HOUR = 3_600_000;

describe('GET /v1/batches/:batchId', () => {
  let it_: Ingest;
  before(async () => {
    it_ = await ingest('batches');
  });
  after(() => it_.close());

  it('says pending until the batch is stored, then what became of each item', async () => {
    const known = click();
    await it_.send({ body: { events: [known] } });
    const began = Date.now();
    const body = { events: [known, click(), click({ eventType: '' })], heatmapEvents: [point()] };
    const { batchId } = (await it_.send({ body })).body;
    const rejected = [rejection('events', 2, 'FIELD_MISSING', 'eventType')];

    const pending = (await it_.receipt(batchId)).body;
    const { receivedAt, ...before } = pending;
    const fixed = { batchId, accepted: 3, duplicates: 1, expired: 0, refused: 0, rejected };
    assert.deepEqual(before, { ...fixed, state: 'pending', stored: 0, storedAt: null });
    assert.ok(Date.parse(receivedAt) >= began - 1_000 && Date.parse(receivedAt) <= Date.now());

    await it_.storeAll();
    const { storedAt, ...after } = (await it_.receipt(batchId)).body;
    assert.deepEqual(after, { ...fixed, state: 'stored', stored: 2, receivedAt });
    assert.ok(storedAt !== null && Date.parse(storedAt) >= Date.parse(receivedAt));
  });

  it('answers a batch that shared its flush with others by itself', async () => {
    const other = await it_.register('flatmate');
    const sizes = [1, 2, 3, 4, 5];
    const sent = await Promise.all(
      sizes.map((size) =>
        it_.send({
          body: { events: Array.from({ length: size }, () => click()) },
          key: size % 2 === 0 ? other.key : it_.shop.key,
        }),
      ),
    );
    await it_.storeAll();
    for (const [index, { body }] of sent.entries()) {
      const key = index % 2 === 0 ? it_.shop.key : other.key;
      const receipt = (await it_.receipt(body.batchId, key)).body;
      assert.deepEqual([receipt.accepted, receipt.stored, receipt.duplicates], [index + 1, index + 1, 0]);
    }
  });

  it('is for both kinds of keys of the app, also another one than the sender', async () => {
    const { batchId } = (await it_.send({ body: { events: [click()] } })).body;
    const another = await it_.addKey(it_.shop.app, 'client');
    for (const key of [it_.shop.key, it_.shop.serverKey, another])
      assert.equal((await it_.receipt(batchId, key)).status, 200);
  });

  it("does not know another app's batch, and says no more of it than of one that never was", async () => {
    const other = await it_.register('curious');
    const { batchId } = (await it_.send({ body: { events: [click()] } })).body;
    const theirs = await it_.receipt(batchId, other.key);
    const nobodys = await it_.receipt('ab'.repeat(32), other.key);
    for (const { status, body } of [theirs, nobodys]) assert.deepEqual([status, body.code], [404, 'NOT_FOUND']);
    assert.equal(theirs.body.detail, nobodys.body.detail);
  });

  it('needs a key and an id that can be one', async () => {
    const { batchId } = (await it_.send({ body: { events: [click()] } })).body;
    const keyless = await it_.send({ method: 'GET', url: `/v1/batches/${batchId}`, key: null });
    assert.equal(keyless.status, 401);
    for (const bad of ['x', batchId.slice(1), `${batchId}0`, batchId.slice(1) + 'g'])
      assert.deepEqual([(await it_.receipt(bad)).status, (await it_.receipt(bad)).body.code], [400, 'REQUEST_INVALID']);
  });

  it('says failed of a batch that is set aside, and stored once it was replayed', async () => {
    await it_.storeAll();
    const { batchId } = (await it_.send({ body: { events: [click()] } })).body;
    const store = spool(it_.db);
    const [flush] = await it_.flushes.find({ state: 'new' }).toArray();
    assert.ok(flush);
    await store.markFailed(flush._id, 'mongod refuses it');
    assert.deepEqual(
      [(await it_.receipt(batchId)).body.state, (await it_.receipt(batchId)).body.stored],
      ['failed', 0],
    );
    await it_.storeAll();
    assert.equal((await it_.receipt(batchId)).body.state, 'failed', 'nobody stores what is set aside');
    assert.equal(await store.replayFailed(), 1);
    await it_.storeAll();
    assert.deepEqual(
      [(await it_.receipt(batchId)).body.state, (await it_.receipt(batchId)).body.stored],
      ['stored', 1],
    );
  });

  /** A worker whose clock is ahead: past 15 minutes it takes a flush over. */
  function workerIn(ahead: number) {
    const { client, db } = it_;
    const now = () => Date.now() + ahead;
    return batchActivities(batchDeps({ client, db, lanes: lanes(client, db), onAlerts: () => undefined, now }));
  }

  it('loses neither of two events with one id in two hours when it is taken over half stored', async () => {
    await it_.storeAll();
    const from = await it_.register('repetitive');
    const now = Date.now();
    const events = [now, now - 2 * HOUR].map((timestampMs) => click({ eventId: 'same', timestampMs }));
    const { batchId } = (await it_.send({ body: { events }, key: from.key })).body;
    const [flush] = await it_.flushes.find({ state: 'new' }).toArray();
    const all = flush?.bytes?.events.buffer;
    assert.ok(flush && all);
    const first = all.subarray(0, new DataView(all.buffer, all.byteOffset).getInt32(0, true));
    await lanes(it_.client, it_.db).use(flush.lanes.events, (lane) => lane.insert(1, 'events', first));
    await workerIn(HOUR).storeFlush({ flushId: flush._id });
    assert.equal((await it_.receipt(batchId, from.key)).body.stored, 2);
    assert.deepEqual(
      (await it_.stored('events', from)).map(({ timestampMs }): unknown => timestampMs),
      [now - 2 * HOUR, now],
    );
  });

  it("counts as expired what a take-over leaves out since the app's retention has passed", async () => {
    await it_.storeAll();
    const from = await it_.register('forgetful', { eventRetentionDays: 2 });
    const events = [click(), click({ timestampMs: Date.now() - DAY })];
    const { batchId } = (await it_.send({ body: { events }, key: from.key })).body;
    const [flush] = await it_.flushes.find({ state: 'new' }).toArray();
    assert.ok(flush);
    const { db } = it_;
    // Two days on: the lanes are trusted no more, and one of the two is out of the window.
    assert.deepEqual(await workerIn(2 * DAY).storeFlush({ flushId: flush._id }), {
      flushId: flush._id,
      state: 'stored',
      stored: 1,
      expired: 1,
    });
    const { body } = await it_.receipt(batchId, from.key);
    assert.deepEqual([body.state, body.stored, body.expired, body.duplicates], ['stored', 1, 1, 0]);
    assert.equal((await it_.stored('events', from)).length, 1);
    const counts = await db.collection('event_rollups').find({ appId: from.app.id }).toArray();
    assert.deepEqual(
      counts.map(({ count }) => Number(count)),
      [1],
    );
  });
});
