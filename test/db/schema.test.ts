import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { MongoServerError, ObjectId, type CollectionInfo, type Document } from 'mongodb';
import { UNTOUCHED } from '../../db/error-groups.js';
import { applySchema } from '../../db/schema.js';
import { testDatabase, type TestDatabase } from '../helper/database.js';
import { badSamples, goodSamples, sampleOf } from './samples.js';
import { SEED } from './seed.js';

const REFUSED_BY_VALIDATOR = 121;
const DAY_SECONDS = 86_400;

let dsnId = 0;

/** What our documents have beyond the seed and cannot do without. */
const COMPLETED: Readonly<Record<string, (document: Document) => Document>> = {
  app_registrations: (document) => ({
    ...document,
    ...(isPlain(document['config']) && { config: { ...document['config'], identityProof: false } }),
    dsnId: ++dsnId,
    identity: { version: 1, previousUntil: null },
    membersRev: 0,
  }),
  errors: (document) => ({
    ...document,
    receivedAt: new Date(),
    pageUrl: '',
    release: '',
    environment: '',
    flags: {},
    exceptions: [],
    clientFingerprint: [],
    sdk: '',
    truncated: [],
    groupId: new ObjectId(),
    ordinal: 1,
    keptAs: 'first',
  }),
  error_groups: (document) => ({
    ...document,
    title: '',
    culprit: '',
    severity: 'error',
    grouping: { version: 1, by: 'stack', components: [] },
    own: { count: 1, firstSeen: new Date(), lastSeen: new Date() },
    ...UNTOUCHED,
  }),
};

const isPlain = (value: unknown): value is Document => Object.prototype.toString.call(value) === '[object Object]';

describe('the live schema', () => {
  let database: TestDatabase;
  before(async () => {
    database = await testDatabase('schema');
    await applySchema(database.db);
  });
  after(() => database.close());

  async function insertRefusal(name: string, document: Document): Promise<unknown> {
    try {
      await database.db.collection(name).insertOne(COMPLETED[name]?.(document) ?? document);
      return undefined;
    } catch (error) {
      if (error instanceof MongoServerError) return error.code;
      throw error;
    }
  }

  it('has the eleven collections of the seed', async () => {
    const live = await database.db.listCollections({}, { nameOnly: true }).toArray();
    const names = new Set(live.map(({ name }) => name));
    assert.equal(Object.keys(SEED).length, 11);
    assert.deepEqual(
      Object.keys(SEED).filter((name) => !names.has(name)),
      [],
    );
  });

  it('is what docs/architecture.md lists', async () => {
    const page = readFileSync(new URL('../../docs/architecture.md', import.meta.url), 'utf8');
    const table = page.split('## Collections')[1]?.split('\n## ')[0] ?? '';
    const listed = [...table.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
    const live = await database.db.listCollections({}, { nameOnly: true }).toArray();
    const ours = live.map(({ name }) => name).filter((name) => !name.startsWith('system.'));
    assert.deepEqual(listed.sort(), ours.sort());
  });

  it('has a strict validator on every collection that is no time series', async () => {
    const live = await database.db.listCollections<CollectionInfo>({ type: 'collection' }).toArray();
    const lenient = live.filter(({ name, options }) => {
      const { validator, validationLevel, validationAction }: Document = options ?? {};
      const strict = validator !== undefined && validationLevel === 'strict' && validationAction === 'error';
      return !strict && !name.startsWith('system.');
    });
    assert.deepEqual(
      lenient.map(({ name }) => name),
      [],
    );
  });

  for (const [name, { fields, indexes, timeSeries }] of Object.entries(SEED)) {
    it(`has the indexes of the seed on ${name}`, async () => {
      const live = await database.db.collection(name).indexes();
      for (const { key, unique } of indexes) {
        const found = live.filter((index) => Object.keys(index['key']).join() === key.join());
        assert.equal(found.length, 1, `${name} has ${String(found.length)} indexes on ${key.join()}`);
        assert.deepEqual(
          Object.values(found[0]?.['key'] as Document),
          key.map(() => 1),
        );
        assert.equal(found[0]?.['unique'], unique, `unique on ${key.join()}`);
        assert.equal(found[0]?.['partialFilterExpression'], undefined);
      }
    });

    if (timeSeries !== undefined) {
      it(`keeps ${name} as a time series with the seed's retention, and every field of it`, async () => {
        const [info] = await database.db.listCollections<CollectionInfo>({ name }).toArray();
        assert.equal(info?.type, 'timeseries');
        const options: Document = info.options ?? {};
        assert.ok((options['expireAfterSeconds'] as number) >= timeSeries.retentionDays * DAY_SECONDS);

        const document = sampleOf(fields);
        const added = { timestamp: new Date(), meta: { appId: new ObjectId(), day: 1 } };
        assert.equal(await insertRefusal(name, { ...document, ...added }), undefined);
        const stored = await database.db.collection(name).findOne({ _id: document['_id'] as ObjectId });
        assert.deepEqual(Object.keys(stored ?? {}).sort(), Object.keys({ ...document, ...added }).sort());
      });
      continue;
    }

    it(`takes into ${name} all that the seed allows`, async () => {
      const samples = goodSamples(fields);
      assert.ok(samples.length >= Object.keys(fields).length);
      for (const { what, document } of samples) {
        assert.equal(await insertRefusal(name, document), undefined, `${name} refused ${what}`);
      }
    });

    it(`takes into ${name} a field that a later version may add`, async () => {
      assert.equal(await insertRefusal(name, { ...sampleOf(fields), addedLater: 1 }), undefined);
    });

    it(`refuses for ${name} a field of the seed that is missing or of another type`, async () => {
      const samples = badSamples(fields);
      assert.ok(samples.length >= 3 * Object.keys(fields).length);
      for (const { what, document } of samples) {
        assert.equal(await insertRefusal(name, document), REFUSED_BY_VALIDATOR, `${name} took ${what}`);
      }
    });
  }
});
