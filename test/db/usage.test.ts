import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { applySchema } from '../../db/schema.js';
import { usage } from '../../db/usage.js';
import { utcDay } from '../../domain/app.js';
import { DAY_MS } from '../../domain/limits.js';
import { testDatabase, type TestDatabase } from '../helper/database.js';

/** Not a fixed day: once its 90 days are over, MongoDB deletes the document at the next look, within a minute. */
const DAY = utcDay(Date.now());

describe('the usage of a day', () => {
  let database: TestDatabase;
  before(async () => {
    database = await testDatabase('usage');
    await applySchema(database.db);
  });
  after(() => database.close());

  it('is the sum of what all processes add, and can be read by adding nothing', async () => {
    const [one, other] = [usage(database.db), usage(database.db)];
    const app = new ObjectId();
    assert.equal(await one.add(app, DAY, 'events', 0), 0);
    await Promise.all(Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? one : other).add(app, DAY, 'events', n)));
    assert.equal(await one.add(app, DAY, 'events', 0), 190);
    assert.equal(await other.add(app, DAY, 'events', 10), 200);
  });

  it('is apart for each app and day', async () => {
    const own = usage(database.db);
    const [one, other] = [new ObjectId(), new ObjectId()];
    await own.add(one, DAY, 'events', 5);
    assert.equal(await own.add(one, DAY + 1, 'events', 1), 1);
    assert.equal(await own.add(other, DAY, 'events', 2), 2);
    assert.equal(await own.add(one, DAY, 'events', 0), 5);
  });

  it('is kept for 90 days', async () => {
    const app = new ObjectId();
    await usage(database.db).add(app, DAY, 'events', 1);
    const doc = await database.db.collection('daily_usage').findOne({ appId: app });
    assert.deepEqual(doc?.['expiresAt'], new Date((DAY + 90) * DAY_MS));
  });
});
