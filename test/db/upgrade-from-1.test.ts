import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Document } from 'mongodb';
import { bsonDocuments, decoded } from '../../db/bson-documents.js';
import { dropsSpec } from '../../db/drops.js';
import { applySchema } from '../../db/schema.js';
import { UPGRADES } from '../../db/upgrades.js';
import type { FlushDoc } from '../../db/spool.js';
import { testDatabase, type TestDatabase } from '../helper/database.js';
import { KINDS } from '../helper/every-kind.js';
import { flushStoring } from '../helper/flush-storing.js';

/**
 * What the code before schema version 2 had left: its version, and flushes that it had acknowledged and not stored, one
 * with each kind of item and one with all of them.
 */
const DUMP = join(import.meta.dirname, '../dumps/schema-1.bson');

describe('a database of schema version 1', () => {
  let database: TestDatabase;
  before(async () => {
    database = await testDatabase('schema_1');
    const { db } = database;
    const schema = dropsSpec.jsonSchema ?? {};
    const properties = { ...(schema['properties'] as Document), by: { enum: ['filter', 'client', 'quota'] } };
    await db.createCollection('daily_drops', { validator: { $jsonSchema: { ...schema, properties } } });
    const [version, ...flushes] = [...bsonDocuments(readFileSync(DUMP))].map(decoded);
    assert.ok(version !== undefined);
    await db.collection('schema_versions').insertOne(version);
    await db.collection('ingest_spool').insertMany(flushes);
  });
  after(() => database.close());

  const flushes = () => database.db.collection<FlushDoc>('ingest_spool');

  it('is brought forward, and what it had acknowledged is stored, each item once', async () => {
    const { db } = database;
    const { version, upgraded } = await applySchema(db);
    assert.deepEqual([version, upgraded.length], [1 + UPGRADES.length, UPGRADES.length]);
    // What the dump holds grows older than time series keep it.
    for (const name of ['events', 'heatmap_events']) await db.command({ collMod: name, expireAfterSeconds: 'off' });

    const storing = flushStoring(database);
    const found = await flushes()
      .find({}, { projection: { _id: 1 } })
      .toArray();
    assert.equal(found.length, KINDS.length + 1);
    for (const { _id: flushId } of found) {
      // Two at once, of which one may find a newer owner; then once more.
      await Promise.allSettled([1, 2].map(() => storing.storer().storeFlush({ flushId })));
      const { state, refused } = await storing.storer().storeFlush({ flushId });
      assert.deepEqual([state, refused], ['stored', undefined]);
    }
    const counts = { events: 4, heatmap_events: 2, errors: 2, feedback: 2, release_sessions: 2, profile_aliases: 2 };
    for (const [name, count] of Object.entries(counts))
      assert.equal(await db.collection(name).countDocuments(), count, name);
    const drops = await db.collection('daily_drops').find().toArray();
    assert.deepEqual(
      drops.map(({ by, count }) => [by, count] as unknown),
      [
        ['client', 1],
        ['client', 1],
      ],
    );
  });

  it('counts from then on what MongoDB refuses', async () => {
    const { db } = database;
    const drop = await db.collection('daily_drops').findOne({});
    assert.ok(drop !== null);
    const { _id, ...rest } = drop;
    await db.collection('daily_drops').insertOne({ ...rest, by: 'store', reason: String(_id) });
  });
});
