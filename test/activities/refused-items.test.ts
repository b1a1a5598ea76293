import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Binary, type Document, ObjectId } from 'mongodb';
import type { App } from '../../db/apps.js';
import type { Batch } from '../../db/batch.js';
import type { DropDoc } from '../../db/drops.js';
import { type RefusedItemDoc, refusedItems } from '../../db/refused-items.js';
import { applySchema } from '../../db/schema.js';
import type { FlushDoc } from '../../db/spool.js';
import { PlatformError } from '../../domain/errors.js';
import { testDatabase, type TestDatabase } from '../helper/database.js';
import { type Kind, KINDS, spoilt, spoiltDrops } from '../helper/every-kind.js';
import { batchWith, type FlushStoring, flushStoring, newApp } from '../helper/flush-storing.js';

const COLLECTIONS = ['events', 'heatmap_events', 'errors', 'feedback', 'release_sessions', 'profile_aliases'];

describe('items that MongoDB refuses', () => {
  let database: TestDatabase;
  let storing: FlushStoring;
  before(async () => {
    database = await testDatabase('refused');
    await applySchema(database.db);
    storing = flushStoring(database);
  });
  after(() => database.close());

  const everyKind = (name: string) => KINDS.map((kind) => ({ kind, id: `${name}-${kind}` }));

  for (const kind of KINDS) {
    it(`are set aside by themselves: of kind ${kind}, beside all else of their app and of another`, async () => {
      const [app, neighbour] = [newApp(), newApp()];
      const healthy = await batchWith(neighbour, everyKind('fine'));
      const bad = await badOf(app, kind);
      const flushId = await storing.acknowledge(bad, healthy, await batchWith(app, everyKind('also-fine')));
      const isItem = kind !== 'drop';

      const result = await storing.storer().storeFlush({ flushId });
      assert.equal(result.state, 'stored');
      assert.equal(result.refused ?? 0, isItem ? 1 : 0);
      assert.deepEqual(await storing.counts(neighbour, ...COLLECTIONS), [2, 1, 1, 1, 1, 1]);
      assert.deepEqual(await storing.counts(app, ...COLLECTIONS), [3, 1, 1, 1, 1, 1]);
      assert.deepEqual(await storing.refused(neighbour), []);

      const [row, ...others] = await storing.refused(app);
      assert.deepEqual(others, []);
      assert.ok(row !== undefined && row.flushId === flushId && (row.bson ?? row.write) !== undefined);
      assert.equal(row.code, ['event', 'point', 'exposure'].includes(kind) ? 'BadValue' : 'DocumentValidationFailure');
      assert.notEqual(row.reason, '');
      const drops = await database.db.collection<DropDoc>('daily_drops').find({ appId: app.id, by: 'store' }).toArray();
      assert.deepEqual(
        drops.map(({ reason, count }) => [reason, count]),
        [[row.code, 1]],
      );

      const receipt = await storing.receipt(bad);
      assert.equal(receipt.state, 'stored');
      assert.deepEqual([receipt.stored, receipt.refused], isItem ? [1, 1] : [1, 0]);
      assert.equal((await storing.receipt(healthy)).stored, 8);
    });
  }

  /** One healthy event, and an item that mongod refuses. */
  async function badOf(app: App, kind: Kind): Promise<Batch> {
    const batch = await batchWith(app, [
      { kind: 'event', id: 'beside' },
      { kind, id: 'bad' },
    ]);
    const last = batch.items.at(-1);
    return kind === 'drop' ? spoiltDrops(batch) : spoilt(batch, (item) => item === last);
  }

  it('are stored once when they are replayed after the fault is mended, and their receipt says so', async () => {
    await database.db.collection('refused_items').deleteMany({});
    const app = newApp();
    const items = KINDS.filter((kind) => kind !== 'drop').map((kind) => ({ kind, id: `again-${kind}` }));
    const whole = await batchWith(app, items);
    const bad = spoilt(whole, () => true);
    const flushId = await storing.acknowledge(bad);
    const first = await storing.storer().storeFlush({ flushId });
    assert.deepEqual([first.stored, first.refused], [0, items.length]);
    assert.equal((await storing.refused(app)).length, items.length);

    await storing.real.replayRefused(everything());
    const again = await replayOf(app);
    assert.deepEqual(await storing.refused(app), []);
    const second = await storing.storer().storeFlush({ flushId: again._id });
    assert.deepEqual([second.stored, second.refused], [0, items.length], 'the fault is not mended yet');

    const rows = database.db.collection<RefusedItemDoc>('refused_items');
    for (const { key, bytes, write } of whole.items) {
      const mended = { ...(bytes && { bson: new Binary(bytes) }), ...(write && { write: { ...write } }) };
      await rows.updateOne({ _id: new Binary(Buffer.from(key, 'latin1')) }, { $set: mended });
    }
    await storing.real.replayRefused(everything());
    const last = await replayOf(app);
    // Two workers at once, and once more.
    await Promise.all(
      [1, 2].map(() =>
        storing
          .storer()
          .storeFlush({ flushId: last._id })
          .catch(() => undefined),
      ),
    );
    const third = await storing.storer().storeFlush({ flushId: last._id });
    assert.deepEqual([third.stored, third.refused], [items.length, undefined]);
    assert.deepEqual(await storing.counts(app, ...COLLECTIONS), [2, 1, 1, 1, 1, 1]);
    const receipt = await storing.receipt(bad);
    assert.deepEqual([receipt.stored, receipt.refused], [items.length, 0]);
    const rollups = await database.db.collection('event_rollups').find({ appId: app.id }).toArray();
    assert.equal(
      rollups.reduce((sum, { count }) => sum + Number(count), 0),
      3,
    );
  });

  const everything = () => ({ refusedBefore: new Date(Date.now() + 1), at: new Date() });

  const replayOf = async (app: App): Promise<FlushDoc> => {
    const filter: Document = { 'batches.appId': app.id, 'batches.kind': 'replay' };
    const [newest] = await database.db.collection<FlushDoc>('ingest_spool').find(filter).sort({ _id: -1 }).toArray();
    assert.ok(newest !== undefined);
    return newest;
  };

  it('are told from others also in a flush of before, whose writes do not say which item they are', async () => {
    const app = newApp();
    const batch = await batchWith(app, everyKind('old'));
    const bad = spoilt(batch, ({ kind }) => kind === 'feedback');
    const flushId = await storing.acknowledge(bad);
    await database.db
      .collection<FlushDoc>('ingest_spool')
      .updateOne({ _id: flushId }, { $unset: { 'writes.$[].item': 1 } });
    assert.equal((await storing.storer().storeFlush({ flushId })).state, 'stored');
    assert.deepEqual(await storing.counts(app, ...COLLECTIONS), [2, 1, 1, 0, 1, 1]);
    const [row] = await storing.refused(app);
    assert.deepEqual([row?.kind, row?.code], ['feedback', 'DocumentValidationFailure']);
  });

  it('are none where the bytes of a flush cannot be read: that flush is set aside as a whole', async () => {
    const app = newApp();
    const flushId = await storing.acknowledge(await batchWith(app, everyKind('unreadable')));
    const torn = { 'bytes.events': new Binary(Buffer.from([9, 0, 0, 0, 1, 2, 3])) };
    await database.db.collection<FlushDoc>('ingest_spool').updateOne({ _id: flushId }, { $set: torn });
    await assert.rejects(
      storing.storer().storeFlush({ flushId }),
      (error: unknown) => error instanceof PlatformError && error.code === 'FLUSH_POISONED',
    );
    assert.equal((await storing.flush(flushId)).state, 'new');
    assert.deepEqual(await storing.refused(app), []);
  });

  it('are kept whole up to a thousand of an app, and with their reason beyond', async () => {
    const app = newApp();
    const rows = Array.from({ length: 1_003 }, (_, n): RefusedItemDoc => ({
      _id: new Binary(Buffer.from(`${app.id.toHexString()}/${String(n)}`)),
      flushId: 'F',
      appId: app.id,
      kind: 'events',
      bson: new Binary(Buffer.from('whole')),
      code: 'BadValue',
      reason: 'no',
      at: new Date(),
    }));
    const store = refusedItems(database.db);
    for (let time = 0; time < 2; time++) {
      await database.client.withSession((session) =>
        session.withTransaction(async () => {
          await store.keep(rows.slice(0, 600), session);
          await store.keep(rows.slice(600), session);
        }),
      );
    }
    const kept = await storing.refused(app);
    assert.deepEqual([kept.length, kept.filter(({ bson }) => bson !== undefined).length], [1_003, 1_000]);
    await database.db.collection('refused_items').deleteMany({ appId: app.id });
  });

  it('come a second time after the dedupe window without keeping their flush from its end', async () => {
    const app = newApp();
    const batch = await batchWith(app, everyKind('resent'), new ObjectId().toHexString());
    for (const time of [1, 2, 3]) {
      const flushId = await storing.acknowledge(batch);
      assert.equal((await storing.storer().storeFlush({ flushId })).state, 'stored', String(time));
      assert.equal((await storing.flush(flushId)).state, 'stored');
      await storing.forget(flushId);
    }
    assert.deepEqual(await storing.refused(app), []);
    // Time series have no unique index: what is sent again after the window is stored again, as the contract says.
    assert.deepEqual(await storing.counts(app, ...COLLECTIONS), [6, 3, 1, 1, 1, 1]);
    const [group] = await database.db.collection('error_groups').find({ appId: app.id }).toArray();
    assert.equal(group?.['occurrenceCount'], 1);
  });
});
