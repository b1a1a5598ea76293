import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { BSON, ObjectId } from 'mongodb';
import { batchDeps } from '../../activities/batch-deps.js';
import { asData } from '../../db/bson-documents.js';
import type { ErrorGroupDoc } from '../../db/error-groups.js';
import type { ErrorDoc, PendingError } from '../../db/errors.js';
import type { FlagSetDoc } from '../../db/flag-sets.js';
import { lanes } from '../../db/lane.js';
import type { ReleaseDoc } from '../../db/releases.js';
import { applySchema } from '../../db/schema.js';
import { testDatabase, type TestDatabase } from '../helper/database.js';
import { groupedError } from '../helper/error-documents.js';

const STACK = 'TypeError: cart is undefined\n    at total (https://shop.example/app.js:10:5)';

describe('from the bytes of a flush to stored errors', () => {
  let database: TestDatabase;
  const appId = new ObjectId();
  before(async () => {
    database = await testDatabase('error-pipeline');
    await applySchema(database.db);
  });
  after(() => database.close());

  const pending = (fields: Partial<PendingError>): Uint8Array =>
    groupedError(appId, { stackTrace: STACK, ...fields }).bytes;

  async function store(...documents: Uint8Array[]): Promise<void> {
    const { client, db } = database;
    const { errors } = batchDeps({ client, db, lanes: lanes(client, db), onAlerts: () => undefined });
    const prepared = await errors.prepare(Buffer.concat(documents));
    await client.withSession((session) =>
      session.withTransaction(() => errors.store(prepared, session), { readConcern: { level: 'snapshot' } }),
    );
  }
  const stored = async (errorId: string): Promise<ErrorDoc> => {
    const found = await database.db.collection<ErrorDoc>('errors').findOne({ appId, errorId });
    assert.ok(found, errorId);
    return found;
  };

  it('stores a document as it came, with its group', async () => {
    const tags = asData({ _bsontype: 'ObjectId', $x: '1', 'a.b': '2', ['__proto__']: '3' });
    const bytes = pending({ errorId: 'plain', tags });
    await store(bytes);
    const { groupFingerprint, groupId, ordinal, keptAs, flags, ...rest } = await stored('plain');
    assert.deepEqual(rest, BSON.deserialize(bytes));
    assert.deepEqual([groupFingerprint.length, ordinal, keptAs, flags], [64, 1, 'first', {}]);
    const group = await database.db.collection<ErrorGroupDoc>('error_groups').findOne({ _id: groupId });
    assert.equal(group?.fingerprint, groupFingerprint);
    assert.equal(group.title, 'TypeError');
    assert.match(group.culprit, /total/);
  });

  it('gives the same group to text and to frames that say the same, and another to another function', async () => {
    const frames = [
      { file: 'https://shop.example/app.js', module: '', function: 'total', line: 99, column: 1, inApp: true },
    ];
    const exceptions = [{ type: 'TypeError', value: 'x', synthetic: false, handled: false, frames }];
    await store(
      pending({ errorId: 'text' }),
      pending({ errorId: 'frames', stackTrace: '', exceptions }),
      pending({ errorId: 'other', stackTrace: STACK.replace('total', 'discount') }),
    );
    const [text, framed, other] = [await stored('text'), await stored('frames'), await stored('other')];
    assert.deepEqual(framed.groupId, text.groupId);
    assert.notDeepEqual(other.groupId, text.groupId);
  });

  it('takes the flags of the client, else those that its profile has', async () => {
    const profileId = new ObjectId();
    const flags = { 'new-checkout': true, limit: 100, theme: 'dark', layout: { columns: 2 } };
    await database.db
      .collection<FlagSetDoc>('user_flag_sets')
      .insertOne({ _id: new ObjectId(), appId, profileId, flags, computedAt: new Date() });
    await store(
      pending({ errorId: 'silent', profileId }),
      pending({ errorId: 'says', profileId, flags: { 'new-checkout': 'false' } }),
    );
    assert.deepEqual((await stored('silent')).flags, {
      'new-checkout': 'true',
      limit: '100',
      theme: 'dark',
      layout: '{"columns":2}',
    });
    assert.deepEqual((await stored('says')).flags, { 'new-checkout': 'false' });
  });

  it('notes the releases that ran, and declares none for one profile', async () => {
    await store(pending({ errorId: 'released', release: 'shop@7.0.0', profileId: new ObjectId() }));
    const release = await database.db.collection<ReleaseDoc>('releases').findOne({ appId, version: 'shop@7.0.0' });
    assert.equal(release?.declaredAt, null);
  });
});
