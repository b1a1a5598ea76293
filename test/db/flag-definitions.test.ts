import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { flagDefinitions } from '../../db/flag-definitions.js';
import { flagStates } from '../../db/flag-states.js';
import { applySchema } from '../../db/schema.js';
import { testDatabase, type TestDatabase } from '../helper/database.js';

/** A flag with the fields that the seed lists and no other. */
const seedFlag = (appId: ObjectId, key: string, more: object = {}) => ({
  _id: new ObjectId(),
  appId,
  key,
  description: '',
  type: 'boolean',
  defaultValue: false,
  enabled: true,
  rules: [],
  createdAt: new Date(),
  updatedAt: new Date(),
  createdBy: new ObjectId(),
  ...more,
});

describe('definitions', () => {
  let it_: TestDatabase;
  before(async () => {
    it_ = await testDatabase('flag_definitions');
    await applySchema(it_.db);
  });
  after(() => it_.close());
  const read = (appId: ObjectId) => flagDefinitions(it_.client, it_.db).read(appId);

  it('are none, at version 0, of an app that never had a flag', async () => {
    assert.deepEqual(await read(new ObjectId()), { version: 0, flags: [], segments: [] });
  });

  it('are the flags that are not archived, and a killed one is off; the seed’s plain shape is enough', async () => {
    const appId = new ObjectId();
    await it_.db
      .collection('feature_flags')
      .insertMany([
        seedFlag(appId, 'plain'),
        seedFlag(appId, 'killed', { killedAt: new Date(), version: 7 }),
        seedFlag(appId, 'archived', { archivedAt: new Date() }),
        seedFlag(new ObjectId(), 'of-another'),
      ]);
    const evaluated = { type: 'boolean', defaultValue: false, rules: [], prerequisites: [] };
    assert.deepEqual((await read(appId)).flags, [
      { ...evaluated, key: 'killed', enabled: false, version: 7 },
      { ...evaluated, key: 'plain', enabled: true, version: 1 },
    ]);
  });

  it('are never of two versions, however fast the app changes', async () => {
    const appId = new ObjectId();
    const states = flagStates(it_.db);
    const flag = seedFlag(appId, 'n', { type: 'number', defaultValue: 0 });
    await it_.db.collection('feature_flags').insertOne(flag);
    const until = { isChanging: true };
    const reading = (async () => {
      const seen = [];
      while (until.isChanging) seen.push(await read(appId));
      return seen;
    })();
    for (let n = 1; n <= 40; n++) {
      await it_.client.withSession((session) =>
        session.withTransaction(async () => {
          const version = await states.next(session, appId, 'shop', new Date());
          assert.equal(version, n);
          const defaultValue = version;
          await it_.db
            .collection('feature_flags')
            .updateOne({ _id: flag._id }, { $set: { defaultValue } }, { session });
        }),
      );
    }
    until.isChanging = false;
    const seen = await reading;
    assert.ok(new Set(seen.map(({ version }) => version)).size > 3, 'the reads met changes');
    for (const { version, flags } of seen) assert.equal(flags[0]?.defaultValue, version);
    assert.deepEqual(
      (await states.versions()).find(({ _id }) => _id.equals(appId)),
      { _id: appId, version: 40, computed: 0 },
    );
  });
});
