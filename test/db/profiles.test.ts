import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Document, ObjectId } from 'mongodb';
import { profileIdOf } from '../../db/ids.js';
import { profiles, type ProfileWrite } from '../../db/profiles.js';
import { applySchema } from '../../db/schema.js';
import { testDatabase, type TestDatabase } from '../helper/database.js';

const APP = new ObjectId();
const at = (second: number) => new Date(Date.UTC(2026, 2, 1, 12, 0, second));
const touch = (externalId: string, second: number, appId = APP) => ({
  appId,
  profileId: profileIdOf(appId, externalId),
  externalId,
  at: at(second),
});

describe('profiles', () => {
  let database: TestDatabase;
  let own: ReturnType<typeof profiles>;
  before(async () => {
    database = await testDatabase('profiles');
    await applySchema(database.db);
    own = profiles(database.db);
  });
  after(() => database.close());

  const find = (externalId: string, appId = APP): Promise<Document | null> =>
    database.db.collection('profiles').findOne({ appId, externalId });
  const write = (...writes: ProfileWrite[]): Promise<readonly ProfileWrite[]> =>
    database.client.withSession((session) => session.withTransaction(() => own.write(writes, session)));
  const identify = (externalId: string, second: number, attributes: object) =>
    write({ ...touch(externalId, second), type: 'identify', attributes: attributes as Record<string, unknown> });

  it('are one document however often they are touched, in any order and at once', async () => {
    const seconds = [30, 10, 50, 20, 40];
    await Promise.all(seconds.map((second) => own.touch([touch('anna', second)])));
    await own.touch([touch('anna', 30), touch('anna', 30)]);
    const found = await database.db.collection('profiles').find({ externalId: 'anna' }).toArray();
    assert.equal(found.length, 1);
    assert.deepEqual([found[0]?.['firstSeen'], found[0]?.['lastSeen']], [at(10), at(50)]);
    assert.deepEqual(found[0]?.['attributes'], {});
  });

  it('need no touch at all', async () => {
    await own.touch([]);
  });

  it('of the same id in two apps are two', async () => {
    const other = new ObjectId();
    await own.touch([touch('bert', 1), touch('bert', 2, other)]);
    assert.deepEqual([(await find('bert'))?.['firstSeen'], (await find('bert', other))?.['firstSeen']], [at(1), at(2)]);
    assert.notDeepEqual((await find('bert'))?.['profileId'], (await find('bert', other))?.['profileId']);
  });

  it('of 24 lower-case hex digits have that very id, and of no other text', () => {
    const hex = 'ab'.repeat(12);
    assert.equal(profileIdOf(APP, hex).toHexString(), hex);
    for (const other of [hex.toUpperCase(), hex.slice(1), `${hex}0`])
      assert.notEqual(profileIdOf(APP, other).toHexString(), hex);
    assert.deepEqual(profileIdOf(APP, 'anna'), profileIdOf(APP, 'anna'));
  });

  it('keep the newest attributes key by key, and let late ones fill gaps only', async () => {
    await identify('carl', 10, { plan: 'free', name: 'Carl' });
    await identify('carl', 20, { plan: 'pro' });
    await identify('carl', 5, { plan: 'trial', city: 'Bonn' });
    await identify('carl', 20, { plan: 'same second' });
    const doc = await find('carl');
    assert.deepEqual(doc?.['attributes'], { plan: 'same second', name: 'Carl', city: 'Bonn' });
    assert.deepEqual([doc['firstSeen'], doc['lastSeen'], doc['attributesAt']], [at(5), at(20), at(20)]);
  });

  it('keep attributes that were touched before and after', async () => {
    await own.touch([touch('dora', 10)]);
    await identify('dora', 5, { plan: 'free' });
    await own.touch([touch('dora', 20)]);
    const doc = await find('dora');
    assert.deepEqual([doc?.['attributes'], doc?.['firstSeen'], doc?.['lastSeen']], [{ plan: 'free' }, at(5), at(20)]);
  });

  it('take every attribute as data, never as an expression or an operator', async () => {
    const odd = { $add: [1, 2], a: '$externalId', 'b.c': { $literal: 'x' }, '': 1, $$ROOT: null, list: ['$$NOW'] };
    await identify('emil', 1, odd);
    assert.deepEqual((await find('emil'))?.['attributes'], odd);
    await write({ ...touch('$externalId', 1), type: 'identify', attributes: {} });
    assert.ok(await find('$externalId'));
  });

  it('stay within their size: what would make one larger changes nothing of it', async () => {
    await identify('full', 1, { plan: 'free' });
    const half = (name: string) => ({ [name]: 'x'.repeat(150 * 1024) });
    await identify('full', 2, half('one'));
    await identify('full', 3, { ...half('two'), plan: 'pro' });
    const attributes = (await find('full'))?.['attributes'] as object;
    assert.deepEqual(attributes, { plan: 'free', ...half('one') });
    await identify('full', 4, { plan: 'pro' });
    assert.deepEqual((await find('full'))?.['attributes'], { plan: 'pro', ...half('one') });
  });

  it('write nothing when their transaction is aborted', async () => {
    const aborted = database.client.withSession((session) =>
      session.withTransaction(async () => {
        await own.write([{ ...touch('fred', 1), type: 'identify', attributes: { a: 1 } }], session);
        throw new Error('no');
      }),
    );
    await assert.rejects(aborted, /no/);
    assert.equal(await find('fred'), null);
  });

  it('have one alias for each id, the last one said', async () => {
    const alias = (to: string, second: number): ProfileWrite => {
      const { appId, profileId: from, at: when } = touch('anon-1', second);
      return { type: 'alias', appId, from, to: profileIdOf(APP, to), at: when };
    };
    await write(alias('anna', 1), alias('bert', 2));
    const found = await database.db.collection('profile_aliases').find().toArray();
    assert.deepEqual(
      found.map(({ from, to }) => [from, to] as unknown[]),
      [[profileIdOf(APP, 'anon-1'), profileIdOf(APP, 'bert')]],
    );
  });
});
