import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { CollectionInfo, Db, Document } from 'mongodb';
import type { CollectionSpec } from '../../db/collection.js';
import { documentOf, optional, string } from '../../db/json-schema.js';
import { applySchema, type Schema } from '../../db/schema.js';
import { dropIndex, type Upgrade } from '../../db/upgrades.js';
import { testDatabase, type TestDatabase } from '../helper/database.js';
import { until } from '../helper/until.js';

interface PlantDoc {
  readonly _id: string;
  readonly name: string;
  readonly colour?: string;
}

const plants: CollectionSpec = {
  name: 'plants',
  indexes: [{ key: { name: 1 }, name: 'by_name' }],
  jsonSchema: documentOf<PlantDoc>({ _id: string, name: string, colour: optional(string) }),
};

/** The next release: every plant has a colour, and no two the same name. */
const greenPlants: CollectionSpec = {
  name: 'plants',
  indexes: [{ key: { name: 1 }, name: 'one_per_name', unique: true }],
  jsonSchema: documentOf<Required<PlantDoc>>({ _id: string, name: string, colour: string }),
};

const greener: Upgrade = {
  version: 2,
  title: 'every plant has a colour',
  before: async (db) => {
    await db.collection('plants').updateMany({ colour: { $exists: false } }, { $set: { colour: 'green' } });
  },
  after: (db) => dropIndex(db, 'plants', 'by_name'),
};

const first: Schema = { collections: [plants], upgrades: [] };
const second: Schema = { collections: [greenPlants], upgrades: [greener] };

describe('bringing a database forward', () => {
  let database: TestDatabase;
  let db: Db;
  beforeEach(async () => {
    database = await testDatabase('upgrades');
    db = database.db;
  });
  afterEach(() => database.close());

  const version = async (): Promise<Document> => (await db.collection('schema_versions').findOne()) ?? {};
  const indexNames = async (name: string): Promise<unknown[]> =>
    (await db.collection(name).indexes()).map((index) => index['name'] as unknown).sort();
  const plant = async (_id: string): Promise<void> => {
    await db.collection<PlantDoc>('plants').insertOne({ _id, name: _id });
  };

  it('changes nothing the second time', async () => {
    const one = await applySchema(db);
    assert.ok(one.changes.includes('events: created'));
    assert.deepEqual(await applySchema(db), { version: one.version, upgraded: [], changes: [] });
  });

  it('does each thing once when several processes start on an empty database', async () => {
    const reports = await Promise.all(Array.from({ length: 3 }, () => applySchema(db)));
    const changes = reports.flatMap((report) => report.changes);
    assert.equal(new Set(changes).size, changes.length);
    assert.deepEqual(
      reports
        .map((report) => report.changes.length)
        .sort((a, b) => a - b)
        .slice(0, 2),
      [0, 0],
    );
  });

  it('puts back a dropped index and a changed validator, and leaves indexes of others alone', async () => {
    await applySchema(db, first);
    await db.collection('plants').dropIndex('by_name');
    await db.collection('plants').createIndexes([{ key: { colour: 1 }, name: 'of_an_operator' }]);
    await db.command({ collMod: 'plants', validator: {}, validationAction: 'warn' });

    const { changes } = await applySchema(db, first);
    assert.deepEqual([...changes].sort(), ['plants: index by_name', 'plants: validator']);
    assert.deepEqual(await indexNames('plants'), ['_id_', 'by_name', 'of_an_operator']);
    await assert.rejects(db.collection('plants').insertOne({ colour: 'green' }), { code: 121 });
  });

  it('takes an index for its own that somebody made before under another name', async () => {
    await db.collection('plants').createIndexes([{ key: { name: 1 }, name: 'made_by_hand' }]);
    await applySchema(db, first);
    assert.deepEqual(await indexNames('plants'), ['_id_', 'made_by_hand']);
  });

  it('refuses an index whose definition changed under its name', async () => {
    await applySchema(db, first);
    const [index] = plants.indexes;
    const changed = { ...plants, indexes: [{ ...index, key: { name: 1 }, unique: true }] } as const;
    await assert.rejects(applySchema(db, { collections: [changed], upgrades: [] }), /by_name of plants .* new name/);
    assert.deepEqual(await indexNames('plants'), ['_id_', 'by_name']);
  });

  it('leaves alone how long documents live once that is set', async () => {
    const expiring = (seconds: number): Schema => ({
      collections: [{ name: 'plants', indexes: [{ key: { at: 1 }, name: 'expiry', expireAfterSeconds: seconds }] }],
      upgrades: [],
    });
    await applySchema(db, expiring(60));
    assert.deepEqual((await applySchema(db, expiring(90))).changes, []);

    await applySchema(db);
    await db.command({ collMod: 'events', expireAfterSeconds: 400 * 86_400 });
    assert.deepEqual((await applySchema(db)).changes, []);
    const [events] = await db.listCollections<CollectionInfo>({ name: 'events' }).toArray();
    assert.equal((events?.options as Document)['expireAfterSeconds'], 400 * 86_400);
  });

  it('refuses a plain collection, or one with another metaField, where a time series must be', async () => {
    const series = (metaField: string): Schema => ({
      collections: [{ name: 'series', indexes: [], options: { timeseries: { timeField: 'at', metaField } } }],
      upgrades: [],
    });
    await db.createCollection('series');
    await assert.rejects(applySchema(db, series('meta')), /series is a collection and should be a timeseries/);
    await db.dropCollection('series');
    await applySchema(db, series('meta'));
    await assert.rejects(applySchema(db, series('other')), /metaField meta and the code needs other/);
  });

  it('begins an empty database on the newest version, without upgrades', async () => {
    assert.deepEqual((await applySchema(db, second)).upgraded, []);
    assert.equal((await version())['version'], 2);
    assert.deepEqual(await indexNames('plants'), ['_id_', 'one_per_name']);
  });

  it('upgrades the documents, then validator and indexes, and says so', async () => {
    await applySchema(db, first);
    await plant('fern');
    const report = await applySchema(db, second);

    assert.deepEqual(report.upgraded, ['every plant has a colour']);
    assert.deepEqual(await db.collection('plants').find().toArray(), [{ _id: 'fern', name: 'fern', colour: 'green' }]);
    assert.deepEqual(await indexNames('plants'), ['_id_', 'one_per_name']);
    await assert.rejects(plant('moss'), { code: 121 });
    const { history, ...now } = await version();
    assert.equal(now['version'], 2);
    assert.equal('upgradingTo' in now, false);
    assert.deepEqual(
      (history as Document[]).map(({ version, title }) => [version, title] as unknown),
      [[2, 'every plant has a colour']],
    );
    assert.deepEqual(await applySchema(db, second), { version: 2, upgraded: [], changes: [] });
  });

  for (const part of ['before', 'after'] as const) {
    it(`resumes an upgrade that crashed ${part} the schema changed, and lets no older code in meanwhile`, async () => {
      await applySchema(db, first);
      await plant('fern');
      await plant('moss');
      const crashing: Upgrade = {
        ...greener,
        [part]: async () => {
          await db.collection<PlantDoc>('plants').updateOne({ _id: 'fern' }, { $set: { colour: 'green' } });
          throw new Error('power cut');
        },
      };
      await assert.rejects(applySchema(db, { ...second, upgrades: [crashing] }), /power cut/);
      assert.equal((await version())['version'], 1);
      await assert.rejects(applySchema(db, first), /schema version 2 and this code knows 1 at most/);

      assert.deepEqual((await applySchema(db, second)).upgraded, ['every plant has a colour']);
      assert.equal(await db.collection('plants').countDocuments({ colour: 'green' }), 2);
      assert.deepEqual(await indexNames('plants'), ['_id_', 'one_per_name']);
      assert.equal((await version())['version'], 2);
    });
  }

  it('refuses a database that is ahead of the code, and changes nothing in it', async () => {
    await applySchema(db, second);
    await db.collection('plants').dropIndex('one_per_name');
    await assert.rejects(applySchema(db, first), /schema version 2 and this code knows 1 at most: start the newer/);
    assert.deepEqual(await indexNames('plants'), ['_id_']);
  });

  it('waits for a process that holds the schema, and goes on when that one died', async () => {
    await applySchema(db, first);
    const heldUntil = new Date(Date.now() + 1_000);
    await db.collection('schema_versions').updateOne({}, { $set: { heldBy: 'dead', heldUntil } });
    await applySchema(db, first);
    assert.ok(Date.now() >= heldUntil.getTime());
    assert.notEqual((await version())['heldBy'], 'dead');
  });

  it('keeps its turn for as long as an upgrade takes', async () => {
    await applySchema(db, first);
    const seen: Date[] = [];
    const slow: Upgrade = {
      ...greener,
      before: async (db) => {
        const began = (await version())['heldUntil'] as Date;
        seen.push(began);
        const renewed = async () => {
          const held = (await version())['heldUntil'] as Date;
          return held > began && held;
        };
        seen.push(await until('another turn', renewed));
        await greener.before?.(db);
      },
    };
    await applySchema(db, { ...second, upgrades: [slow] });
    const [began, renewed] = seen;
    assert.ok(began !== undefined && renewed !== undefined && renewed > began);
  });

  it('does not finish an upgrade after another process took over', async () => {
    await applySchema(db, first);
    const slow: Upgrade = {
      ...greener,
      after: async () => {
        await db.collection('schema_versions').updateOne({}, { $set: { heldBy: 'another' } });
      },
    };
    await assert.rejects(applySchema(db, { ...second, upgrades: [slow] }), /another process took over/);
    const { version: still, heldBy } = await version();
    assert.deepEqual([still, heldBy], [1, 'another']);
  });
});
