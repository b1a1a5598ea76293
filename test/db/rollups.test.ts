import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { ulid } from 'ulid';
import { type EventRollupDoc, rollups, type RollupShare } from '../../db/rollups.js';
import { applySchema } from '../../db/schema.js';
import { testDatabase, type TestDatabase } from '../helper/database.js';

const share = (appId: ObjectId, fields: Partial<RollupShare> = {}): RollupShare => ({
  appId,
  kind: 'events',
  hour: 500_000,
  eventType: 'click',
  eventName: '',
  count: 1,
  ...fields,
});

describe('rollups', () => {
  let database: TestDatabase;
  before(async () => {
    database = await testDatabase('rollups');
    await applySchema(database.db);
  });
  after(() => database.close());

  const add = (flushId: string, shares: readonly RollupShare[]): Promise<void> =>
    database.client.withSession((session) =>
      session.withTransaction(() => rollups(database.db).add(flushId, shares, session)),
    );
  const counts = (appId: ObjectId) => database.db.collection<EventRollupDoc>('event_rollups').find({ appId }).toArray();
  const sum = (docs: readonly EventRollupDoc[]) => docs.reduce((total, { count }) => total + count, 0);

  it('sum exactly when many flushes add to the same hours at once, and spread over slots', async () => {
    const app = new ObjectId();
    const flush = () => [
      share(app, { count: 3 }),
      share(app, { eventType: 'hover' }),
      share(app, { hour: 500_001, count: 2 }),
    ];
    await Promise.all(Array.from({ length: 40 }, () => add(ulid(), flush())));
    const docs = await counts(app);
    assert.equal(sum(docs), 40 * 6);
    assert.equal(sum(docs.filter(({ hour }) => hour === 500_001)), 80);
    assert.equal(sum(docs.filter(({ eventType }) => eventType === 'hover')), 40);
    const slots = new Set(docs.map(({ slot }) => slot));
    assert.ok(slots.size > 1 && [...slots].every((slot) => slot >= 0 && slot < 8));
  });

  it('are apart by app, kind, type and name, whatever the name holds', async () => {
    const [one, other] = [new ObjectId(), new ObjectId()];
    const names = ['', 'a/b', 'a', '$x', 'é\0', '😀'];
    const shares = [
      ...names.map((eventName) => share(one, { eventType: 'custom', eventName })),
      share(other),
      share(one, { kind: 'heatmap', eventType: '' }),
    ];
    await add(ulid(), shares);
    const docs = await counts(one);
    assert.equal(docs.length, names.length + 1);
    const custom = docs.filter(({ eventType }) => eventType === 'custom');
    assert.deepEqual(custom.map(({ eventName }) => eventName).sort(), [...names].sort());
    assert.equal((await counts(other)).length, 1);
  });

  it('add nothing when the transaction is aborted, and need nothing to add', async () => {
    const app = new ObjectId();
    const aborted = database.client.withSession((session) =>
      session.withTransaction(async () => {
        await rollups(database.db).add(ulid(), [share(app)], session);
        throw new Error('no');
      }),
    );
    await assert.rejects(aborted, /no/);
    await add(ulid(), []);
    assert.deepEqual(await counts(app), []);
  });
});
