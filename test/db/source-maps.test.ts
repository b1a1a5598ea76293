import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Document, ObjectId } from 'mongodb';
import { applySchema } from '../../db/schema.js';
import { bundle } from '../helper/bundle.js';
import { testDatabase, type TestDatabase } from '../helper/database.js';
import { refusal } from '../helper/refusal.js';
import { newDebugId, uploads } from '../helper/source-maps.js';

const actor = { kind: 'system', id: null, name: 'a test' } as const;

describe('source maps', () => {
  let database: TestDatabase;
  let map: string;
  let other: string;
  before(async () => {
    database = await testDatabase('source_maps');
    await applySchema(database.db);
    map = (await bundle()).map;
    other = (await bundle({ 'src/cart.ts': 'export const total = (): number => { throw new Error("no"); };' })).map;
  });
  after(() => database.close());

  const chunksOf = async (mapId: ObjectId) =>
    database.db.collection('source_map_chunks').find({ mapId }).sort({ n: 1 }).toArray();

  it('are there once, however often and by how many at once they are uploaded', async () => {
    const app = new ObjectId();
    const { add, store } = uploads(database);
    const by = { release: '1.0.0', path: '/app.js', debugId: newDebugId() };
    const outcomes = await Promise.all(Array.from({ length: 6 }, () => add(app, map, by)));
    assert.deepEqual(outcomes.map(({ outcome }) => outcome).sort(), ['created', ...Array<string>(5).fill('unchanged')]);
    assert.equal((await add(app, map, by)).outcome, 'unchanged');
    const [only, ...more] = await store.page(app, { limit: 10 });
    assert.ok(only && more.length === 0);
    assert.ok((await chunksOf(only._id)).every((chunk) => chunk['expiresAt'] === undefined));
    const kept = await database.db.collection('audit_log').countDocuments({ appId: app });
    assert.equal(kept, 1);
  });

  it('declare their release', async () => {
    const app = new ObjectId();
    await uploads(database).add(app, map, { release: '1.0.0', path: '/app.js' });
    const release = await database.db.collection('releases').findOne({ appId: app });
    assert.equal(release?.['declaredBy'], 'upload');
  });

  it('come back byte by byte, also where they fill many documents', async () => {
    const { store } = uploads(database);
    const mapId = new ObjectId();
    const bytes = Buffer.alloc(9 * 1024 * 1024 + 17, 'source');
    bytes.writeUInt32BE(0xdeadbeef, 5 * 1024 * 1024);
    await store.writeChunks(mapId, bytes);
    assert.deepEqual(
      (await chunksOf(mapId)).map((chunk) => chunk['n'] as number),
      [0, 1, 2],
    );
    assert.ok((await store.read({ _id: mapId, storedBytes: bytes.length }))?.equals(bytes));
    assert.equal(await store.read({ _id: mapId, storedBytes: bytes.length + 1 }), undefined);
    assert.ok(
      (await chunksOf(mapId)).every((chunk) => chunk['expiresAt'] instanceof Date),
      'gone unless completed',
    );
  });

  it('give way to another map for the same bundle, whose bytes then go', async () => {
    const app = new ObjectId();
    const { add, store } = uploads(database);
    const first = await add(app, map, { release: '1.0.0', path: '/app.js' });
    const second = await add(app, other, { release: '1.0.0', path: '/app.js' });
    assert.equal(second.outcome, 'replaced');
    assert.deepEqual(
      (await store.page(app, { limit: 10 })).map(({ _id }) => _id),
      [second.map._id],
    );
    assert.ok((await chunksOf(first.map._id)).every((chunk) => chunk['expiresAt'] instanceof Date));
    assert.ok((await chunksOf(second.map._id)).every((chunk) => chunk['expiresAt'] === undefined));
  });

  it('keep what else they are found by when another map takes one key', async () => {
    const app = new ObjectId();
    const { add, store } = uploads(database);
    const debugId = newDebugId();
    const first = await add(app, map, { release: '1.0.0', path: '/app.js', debugId });
    await add(app, other, { release: '1.0.0', path: '/app.js', debugId: newDebugId() });
    assert.deepEqual((await store.byDebugId(app, debugId))?._id, first.map._id);
    assert.deepEqual((await store.find(app, first.map._id))?.matches, []);
    assert.equal((await store.byPath(app, '1.0.0')).size, 1);
  });

  it('of one content are kept once for many releases', async () => {
    const app = new ObjectId();
    const { add, store } = uploads(database);
    for (let n = 0; n < 250; n++) await add(app, map, { release: `1.${String(n)}.0`, path: '/vendor.js' });
    const kept = await store.page(app, { limit: 10 });
    assert.deepEqual(
      kept.map(({ matches }) => matches.length),
      [50, 200],
    );
    for (const release of ['1.0.0', '1.199.0', '1.200.0', '1.249.0']) {
      assert.ok((await store.byPath(app, release)).has('/vendor.js'), release);
      assert.equal(await store.countOf(app, release), 1);
    }
  });

  it('are refused beyond two thousand a release and ten gigabytes an app, and nothing of the refused is left', async () => {
    const app = new ObjectId();
    const { add, store } = uploads(database);
    const { map: first } = await add(app, map, { release: '1.0.0', path: '/0.js' });
    const full = Array.from({ length: 1_999 }, (_, n) => ({
      ...first,
      _id: new ObjectId(),
      matches: [{ release: '1.0.0', path: `/${String(n + 1)}.js` }],
      hash: `of ${String(n)}`,
    }));
    const collection = database.db.collection('source_maps');
    await collection.insertMany(full);
    await assert.rejects(add(app, other, { release: '1.0.0', path: '/2000.js' }), refusal('CONFLICT'));
    assert.equal(await collection.countDocuments({ appId: app }), 2_000);
    assert.equal((await add(app, other, { release: '1.0.0', path: '/7.js' })).outcome, 'replaced');
    await collection.updateOne({ _id: first._id }, { $set: { storedBytes: 10 * 1024 ** 3 } });
    await assert.rejects(add(app, other, { release: '2.0.0', path: '/1.js' }), refusal('CONFLICT'));
    assert.equal((await store.byPath(app, '2.0.0')).size, 0);
    assert.equal(await database.db.collection('releases').countDocuments({ appId: app, version: '2.0.0' }), 0);
  });

  it('are deleted with their bytes at once', async () => {
    const app = new ObjectId();
    const { add, remove } = uploads(database);
    const { map: doc } = await add(app, map, { release: '1.0.0', path: '/app.js' });
    await assert.rejects(remove({ actor, appId: new ObjectId(), mapId: doc._id }), refusal('NOT_FOUND'));
    await remove({ actor, appId: app, mapId: doc._id });
    assert.deepEqual(await chunksOf(doc._id), []);
    await assert.rejects(remove({ actor, appId: app, mapId: doc._id }), refusal('NOT_FOUND'));
  });

  it('are found by indexes', async () => {
    const app = new ObjectId();
    const { add } = uploads(database);
    await add(app, map, { release: '1.0.0', path: '/app.js', debugId: newDebugId() });
    const match = { release: '1.0.0', path: '/app.js' };
    const queries: readonly [filter: Document, index: string][] = [
      [{ appId: app, debugId: newDebugId() }, 'once_per_debug_id'],
      [{ appId: app, 'matches.release': '1.0.0' }, 'once_per_path'],
      [{ appId: app, 'matches.release': '1.0.0', matches: { $elemMatch: match } }, 'once_per_path'],
      [{ appId: app, releases: '1.0.0' }, 'by_release'],
    ];
    for (const [filter, index] of queries) {
      const plan = await database.db.collection('source_maps').find(filter).explain('queryPlanner');
      assert.match(JSON.stringify(plan['queryPlanner']), new RegExp(`"indexName":"${index}"`), JSON.stringify(filter));
    }
  });
});
