import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Document, ObjectId } from 'mongodb';
import { appRegistrationsSpec, apps } from '../../db/apps.js';
import { applySchema } from '../../db/schema.js';
import { dailyUsageSpec, usage } from '../../db/usage.js';
import { DEFAULT_APP_CONFIG, utcDay } from '../../domain/app.js';
import { DAY_MS } from '../../domain/limits.js';
import { testDatabase, type TestDatabase } from '../helper/database.js';

const DAY = utcDay(Date.now());
const refused = { code: 121 };

/** What the code before schema version 3 had left: two categories of usage, and apps without the newer quotas. */
describe('a database of schema version 2', () => {
  let database: TestDatabase;
  const appId = new ObjectId();
  const usageDoc = (category: string): Document => ({
    _id: `${appId.toHexString()}/${String(DAY)}/${category}`,
    appId,
    day: DAY,
    category,
    count: 7,
    expiresAt: new Date((DAY + 90) * DAY_MS),
  });

  before(async () => {
    database = await testDatabase('schema_2');
    const { db } = database;
    const schema = dailyUsageSpec.jsonSchema ?? {};
    const properties = { ...(schema['properties'] as Document), category: { enum: ['events', 'errors'] } };
    await db.createCollection('daily_usage', { validator: { $jsonSchema: { ...schema, properties } } });
    await db.collection('daily_usage').insertOne(usageDoc('events'));
    await assert.rejects(db.collection('daily_usage').insertOne(usageDoc('feedback')), refused);
    const { maxSessionsPerDay, maxFeedbackPerDay, errors, ...config } = DEFAULT_APP_CONFIG;
    const { maxNewReleasesPerDay, ...ofErrors } = errors;
    assert.ok(maxSessionsPerDay > 0 && maxFeedbackPerDay > 0 && maxNewReleasesPerDay > 0);
    await db.collection(appRegistrationsSpec.name).insertOne({
      _id: appId,
      appId: 'shop',
      name: 'Shop',
      ownerProfileId: new ObjectId(),
      apiKey: 'hash',
      apiKeyPrefix: 'exp_',
      config: { ...config, maxEventsPerDay: 5, errors: { ...ofErrors, maxErrorsPerDay: 6 } },
      createdAt: new Date(),
      dsnId: 1,
      identity: { version: 1, previousUntil: null },
      membersRev: 0,
    });
    await db.collection<Document & { _id: string }>('schema_versions').insertOne({
      _id: 'schema',
      version: 2,
      heldBy: '',
      heldUntil: new Date(0),
      history: [],
    });
  });
  after(() => database.close());

  it('comes forward at start: what was counted stays, and the new quotas have a count', async () => {
    const { db } = database;
    const { upgraded } = await applySchema(db);
    assert.ok(upgraded.includes('Sessions and feedback have daily quotas'));
    assert.equal(await usage(db).add(appId, DAY, 'events', 1), 8);
    assert.equal(await usage(db).add(appId, DAY, 'sessions', 2), 2);
    assert.equal(await usage(db).add(appId, DAY, 'feedback', 3), 3);
  });

  it('has apps with the new quotas by default, which can be changed', async () => {
    const { client, db } = database;
    const own = apps(db);
    const app = await own.findBySlug('shop');
    assert.ok(app !== undefined);
    const errors = { ...DEFAULT_APP_CONFIG.errors, maxErrorsPerDay: 6 };
    assert.deepEqual(app.config, { ...DEFAULT_APP_CONFIG, maxEventsPerDay: 5, errors });
    await client.withSession(async (session) => {
      await own.lockMembers(session, app.id);
      await own.change(session, app.id, { config: { ...app.config, maxFeedbackPerDay: 1 } });
    });
    assert.equal((await own.findBySlug('shop'))?.config.maxFeedbackPerDay, 1);
  });
});
