import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { type AppKeyDoc, appKeys, appKeysSpec } from '../../db/app-keys.js';
import { newKeyDoc } from '../../db/key-changes.js';
import { applySchema } from '../../db/schema.js';
import { secretHashes } from '../../db/secret-hashes.js';
import { testDatabase, type TestDatabase } from '../helper/database.js';

describe('secretHashes', () => {
  let it_: TestDatabase;
  before(async () => {
    it_ = await testDatabase('secret_hashes');
    await applySchema(it_.db);
  });
  after(() => it_.close());

  async function made(hash: string): Promise<AppKeyDoc> {
    const key = { appId: new ObjectId(), kind: 'client', name: 'Key', createdAt: new Date() } as const;
    const doc = newKeyDoc({ ...key, secret: { hash, prefix: 'exp_xxxx' } });
    await it_.client.withSession((session) => appKeys(it_.db).insert(session, doc));
    return doc;
  }

  it('gives those after one, in order, and no more than are wanted, by the index', async () => {
    const hashes = secretHashes(it_.db, appKeysSpec);
    const docs = [await made('one'), await made('two'), await made('three')];
    const found = docs.map(({ _id, hash }) => ({ _id, hash }));
    assert.deepEqual(await hashes.after(ObjectId.createFromTime(0), 2), found.slice(0, 2));
    await it_.db.command({ profile: 2 });
    assert.deepEqual(await hashes.after(docs[0]?._id ?? new ObjectId(), 10), found.slice(1));
    await it_.db.command({ profile: 0 });
    const [seen] = await it_.db.collection('system.profile').find({ 'command.find': 'app_keys' }).toArray();
    assert.deepEqual([seen?.['docsExamined'], seen?.['hasSortStage']], [2, undefined]);
  });
});
