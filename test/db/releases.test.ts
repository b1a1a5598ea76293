import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { NOBODY } from '../../db/ids.js';
import { releases } from '../../db/releases.js';
import { applySchema } from '../../db/schema.js';
import { testDatabase, type TestDatabase } from '../helper/database.js';

const AT = new Date('2026-05-01T10:00:00Z');
const later = (hours: number) => new Date(AT.getTime() + hours * 3_600_000);
const people = (count: number) => Array.from({ length: count }, () => new ObjectId());

describe('a release', () => {
  let database: TestDatabase;
  before(async () => {
    database = await testDatabase('releases');
    await applySchema(database.db);
  });
  after(() => database.close());

  it('is declared by the third distinct profile that ran it, never by one that says so often', async () => {
    const app = new ObjectId();
    const [one, two, three] = people(3);
    assert.ok(one && two && three);
    const own = releases(database.db);
    for (let round = 0; round < 5; round++) await own.seen(app, '999.9.9', [one, one], later(round), 3);
    await own.seen(app, '999.9.9', [two, NOBODY], AT, 3);
    assert.deepEqual(await own.facts(app, ['999.9.9']), [
      { version: '999.9.9', firstSeenMs: AT.getTime(), declared: false },
    ]);
    await own.seen(app, '999.9.9', [three], later(1), 3);
    const doc = await own.find(app, '999.9.9');
    assert.equal(doc?.declaredBy, 'seen');
    assert.deepEqual(doc.declaredAt, later(1));
    assert.equal(doc.profiles, 3);
  });

  it('counts profiles over processes, however often each is told', async () => {
    const app = new ObjectId();
    const ids = people(40);
    const processes = [releases(database.db), releases(database.db), releases(database.db)];
    const tellings = ids.flatMap((id) => processes.map((each) => each.seen(app, '1.0.0', [id], AT, 41)));
    await Promise.all(tellings);
    assert.equal((await processes[0]?.find(app, '1.0.0'))?.profiles, 40);
    assert.equal(await database.db.collection('release_profiles').countDocuments({ appId: app }), 40);
    assert.equal((await processes[0]?.facts(app, ['1.0.0']))?.[0]?.declared, false);
    await processes[1]?.seen(app, '1.0.0', people(1), AT, 41);
    assert.equal((await processes[0]?.facts(app, ['1.0.0']))?.[0]?.declared, true);
  });

  it('keeps when it was first and last seen, in whatever order it hears of it', async () => {
    const app = new ObjectId();
    const own = releases(database.db);
    const [one] = people(1);
    assert.ok(one);
    for (const hours of [5, 2, 30, 8, 1]) await own.seen(app, '2.0.0', [one], later(hours), 3);
    const doc = await own.find(app, '2.0.0');
    assert.deepEqual([doc?.firstSeen, doc?.lastSeen], [later(1), later(30)]);
  });

  it('is not looked up again while nothing about it is new', async () => {
    const app = new ObjectId();
    const own = releases(database.db);
    await own.declare({ appId: app, version: '3.0.0', by: 'deploy', at: AT });
    await own.seen(app, '3.0.0', people(1), AT, 3);
    await database.db.collection('releases').deleteOne({ appId: app });
    for (let minute = 0; minute < 50; minute++) await own.seen(app, '3.0.0', people(1), later(minute / 60), 3);
    assert.equal(await own.find(app, '3.0.0'), undefined);
    await own.seen(app, '3.0.0', people(1), later(2), 3);
    assert.deepEqual((await own.find(app, '3.0.0'))?.lastSeen, later(2));
  });

  it('without a name is none', async () => {
    const app = new ObjectId();
    await releases(database.db).seen(app, '', people(3), AT, 3);
    assert.equal(await database.db.collection('releases').countDocuments({ appId: app }), 0);
  });

  it('is declared once, by whoever did so first, with each deploy told once', async () => {
    const app = new ObjectId();
    const own = releases(database.db);
    const declare = (by: 'deploy' | 'upload', hours: number, environment?: string) =>
      own.declare({ appId: app, version: '$4.0', by, at: later(hours), environment });
    await Promise.all([declare('upload', 1), declare('upload', 1), declare('upload', 1)]);
    await declare('deploy', 2, '$production');
    await declare('deploy', 2, '$production');
    const doc = await declare('deploy', 0, 'staging');
    assert.equal(doc.declaredBy, 'upload');
    assert.deepEqual(doc.declaredAt, later(1));
    assert.deepEqual(doc.deploys, [
      { environment: '$production', at: later(2) },
      { environment: 'staging', at: later(0) },
    ]);
    assert.deepEqual([doc.version, doc.firstSeen, doc.lastSeen], ['$4.0', later(0), later(2)]);
    await own.seen(app, '$4.0', people(9), later(3), 3);
    assert.equal(await database.db.collection('release_profiles').countDocuments({ appId: app }), 0);
  });

  it('that was seen is declared by a deploy', async () => {
    const app = new ObjectId();
    const own = releases(database.db);
    await own.seen(app, '5.0.0', people(1), AT, 3);
    await own.declare({ appId: app, version: '5.0.0', by: 'deploy', at: later(4) });
    assert.deepEqual(await own.declaredFacts(app), [{ version: '5.0.0', firstSeenMs: AT.getTime(), declared: true }]);
  });

  it('comes in pages, newest first, also where several are of one moment', async () => {
    const app = new ObjectId();
    const own = releases(database.db);
    for (let n = 0; n < 7; n++) await own.seen(app, `1.${String(n)}.0`, people(1), later(Math.floor(n / 3)), 3);
    const seen: string[] = [];
    let before: ObjectId | undefined;
    for (;;) {
      const page = await own.page(app, { before, limit: 2 });
      seen.push(...page.map(({ version }) => version));
      before = page.at(-1)?._id;
      if (page.length < 2) break;
    }
    assert.deepEqual(seen, ['1.6.0', '1.5.0', '1.4.0', '1.3.0', '1.2.0', '1.1.0', '1.0.0']);
    assert.deepEqual(await own.page(app, { before: new ObjectId(), limit: 2 }), []);
  });

  it('that clients name is one of so many a day, where nobody has told of it', async () => {
    const app = new ObjectId();
    const own = releases(database.db);
    const seen = (version: string, at: Date, most = 3) => own.seen(app, version, people(1), at, 3, most);
    for (let n = 0; n < 5; n++)
      await own.declare({ appId: app, version: `told-${String(n)}`, by: n % 2 === 0 ? 'deploy' : 'upload', at: AT });
    for (const version of ['a', 'b', 'c']) assert.equal(await seen(version, AT), true);
    assert.equal(await seen('d', later(1)), false);
    assert.equal(await seen('d', later(2)), false);
    assert.equal(await own.find(app, 'd'), undefined);
    // Those that are known go on, whatever the day.
    assert.equal(await seen('a', later(2)), true);
    assert.equal(await seen('told-1', later(2)), true);
    assert.equal(await releases(database.db).seen(app, 'd', people(1), later(3), 3, 3), false, 'in another process');
    assert.equal(await seen('d', later(3), 4), true, 'where more are allowed meanwhile');
    assert.equal(await seen('e', later(24)), true, 'on another day');
    assert.equal(
      await releases(database.db).seen(new ObjectId(), 'd', people(1), AT, 3, 0),
      false,
      'where none may be',
    );
  });

  it('that one client invents is noted only while the app has not very many', async () => {
    const app = new ObjectId();
    const docs = Array.from({ length: 10_000 }, (_, n) => ({
      appId: app,
      version: `0.0.${String(n)}`,
      firstSeen: AT,
      lastSeen: AT,
      declaredAt: null,
      profiles: 1,
    }));
    await database.db.collection('releases').insertMany(docs);
    const own = releases(database.db);
    await own.seen(app, '0.0.10000', people(1), AT, 3);
    assert.equal(await own.find(app, '0.0.10000'), undefined);
    await own.seen(app, '0.0.9999', people(3), AT, 3);
    assert.equal((await own.find(app, '0.0.9999'))?.declaredBy, 'seen');
    await own.declare({ appId: app, version: '1.0.0', by: 'deploy', at: AT });
    assert.equal((await own.find(app, '1.0.0'))?.declaredBy, 'deploy');
  });
});
