import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { SESSION_STATUSES, sessions, type SessionWrite } from '../../db/release-sessions.js';
import { releases } from '../../db/releases.js';
import { applySchema } from '../../db/schema.js';
import type { SessionStatus } from '../../domain/statement.js';
import { testDatabase, type TestDatabase } from '../helper/database.js';

// Ahead of any clock that runs this: mongod drops sessions that have expired, within a minute.
const AT = new Date('2126-05-01T10:00:00Z');
const NONE = { ok: 0, errored: 0, abnormal: 0, crashed: 0, profiles: 0, crashedProfiles: 0 };

describe('sessions', () => {
  let database: TestDatabase;
  before(async () => {
    database = await testDatabase('sessions');
    await applySchema(database.db);
  });
  after(() => database.close());

  const write = (writes: readonly SessionWrite[], now = AT) =>
    database.client.withSession((session) =>
      session.withTransaction(() => sessions(database.db).write(writes, session, now), {
        readConcern: { level: 'snapshot' },
        writeConcern: { w: 'majority', journal: true },
      }),
    );
  const totals = async (app: ObjectId, version = '1.0.0') =>
    (await sessions(database.db).totals(app, [version])).get(version) ?? NONE;
  const one = (
    appId: ObjectId,
    sid: string,
    status: SessionStatus,
    more: Partial<Extract<SessionWrite, { type: 'session' }>> = {},
  ): SessionWrite => ({
    type: 'session',
    appId,
    sid,
    release: '1.0.0',
    environment: 'production',
    status,
    at: AT,
    profileId: null,
    ...more,
  });

  it('count as the worst that was said of them, in whatever order it was said', async () => {
    for (const order of [
      ['ok', 'errored', 'crashed'],
      ['crashed', 'ok', 'errored'],
      ['errored', 'crashed', 'ok'],
    ] as const) {
      const app = new ObjectId();
      for (const status of order) await write([one(app, 'a', status)]);
      await write([one(app, 'b', 'ok')]);
      assert.deepEqual(await totals(app), { ...NONE, ok: 1, crashed: 1 });
      const inOneFlush = new ObjectId();
      await write(order.map((status) => one(inOneFlush, 'a', status)));
      assert.deepEqual(await totals(inOneFlush), { ...NONE, crashed: 1 });
    }
  });

  it('stay where they began: a late word on another day or release moves nothing else', async () => {
    const app = new ObjectId();
    await write([one(app, 'a', 'ok')]);
    const next = new Date(AT.getTime() + 86_400_000);
    await write([one(app, 'a', 'crashed', { at: next, environment: 'staging', release: '2.0.0' })]);
    assert.deepEqual(await totals(app), { ...NONE, crashed: 1 });
    assert.deepEqual(await totals(app, '2.0.0'), NONE);
    const environments = await sessions(database.db).byEnvironment(app, '1.0.0');
    assert.deepEqual([...environments], [['production', { ...NONE, crashed: 1 }]]);
  });

  it('that a client counted itself are added up', async () => {
    const app = new ObjectId();
    const counted: SessionWrite = {
      type: 'sessions',
      appId: app,
      release: '1.0.0',
      environment: 'production',
      at: AT,
      counts: { ok: 7, errored: 2, abnormal: 1, crashed: 3 },
    };
    await write([counted, { ...counted, environment: 'staging' }, one(app, 'a', 'ok')]);
    assert.deepEqual(await totals(app), { ...NONE, ok: 15, errored: 4, abnormal: 2, crashed: 6 });
  });

  it('count each profile once a release, and as crashed once one of its sessions crashed', async () => {
    const app = new ObjectId();
    const [happy, unlucky] = [new ObjectId(), new ObjectId()];
    await write([
      one(app, '1', 'ok', { profileId: happy }),
      one(app, '2', 'errored', { profileId: happy }),
      one(app, '3', 'ok', { profileId: unlucky }),
    ]);
    await write([one(app, '4', 'crashed', { profileId: unlucky })]);
    await write([one(app, '5', 'ok', { profileId: unlucky }), one(app, '6', 'crashed', { profileId: unlucky })]);
    const found = await totals(app);
    assert.deepEqual([found.profiles, found.crashedProfiles], [2, 1]);
  });

  it('count a profile that errors alone had named only when it has a session', async () => {
    const app = new ObjectId();
    const profile = new ObjectId();
    await releases(database.db).seen(app, '1.0.0', [profile], AT, 3);
    assert.deepEqual(await totals(app), NONE);
    await write([one(app, '1', 'crashed', { profileId: profile })]);
    const found = await totals(app);
    assert.deepEqual([found.profiles, found.crashedProfiles], [1, 1]);
  });

  it('of no release and of nobody leave no trace', async () => {
    const app = new ObjectId();
    await write([one(app, 'a', 'crashed', { release: '' })]);
    await write([one(app, 'b', 'ok', { profileId: ObjectId.createFromHexString('0'.repeat(24)) })]);
    assert.deepEqual(await totals(app), { ...NONE, ok: 1 });
    for (const name of ['release_sessions', 'release_profiles']) {
      const count = await database.db.collection(name).countDocuments({ appId: app });
      assert.equal(count, name === 'release_sessions' ? 1 : 0, name);
    }
  });

  it('are forgotten five days after they were last stated', async () => {
    const app = new ObjectId();
    const days = (count: number) => new Date(AT.getTime() + count * 86_400_000);
    const stored = database.db.collection<{ _id: string; expiresAt: Date }>('release_sessions');
    const expiry = async () => (await stored.findOne({ _id: `${app.toHexString()}/a` }))?.expiresAt;
    await write([one(app, 'a', 'ok')]);
    assert.deepEqual(await expiry(), days(5));
    await write([one(app, 'a', 'ok')], days(0.5));
    assert.deepEqual(await expiry(), days(5));
    await write([one(app, 'a', 'ok')], days(2));
    assert.deepEqual(await expiry(), days(7));
  });

  it('equal a recount when many transactions tell of the same ones at once, each again until it is through', async () => {
    const app = new ObjectId();
    const profiles = Array.from({ length: 12 }, () => new ObjectId());
    let seed = 7;
    const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
    const statements = Array.from({ length: 600 }, () => {
      const n = random(90);
      const status = SESSION_STATUSES[random(4)];
      return one(app, `s${String(n)}`, status ?? 'ok', { profileId: profiles[n % 12] ?? null });
    });
    const flushes = Array.from({ length: 40 }, (_, n) => statements.slice(n * 15, n * 15 + 15));
    const queue = [...flushes];
    const worker = async () => {
      for (let flush = queue.shift(); flush !== undefined; flush = queue.shift()) await write(flush);
    };
    await Promise.all(Array.from({ length: 8 }, worker));

    const worst = new Map<string, number>();
    const crashed = new Set<string>();
    const seen = new Set<string>();
    for (const each of statements) {
      assert.ok(each.type === 'session');
      worst.set(each.sid, Math.max(worst.get(each.sid) ?? 0, SESSION_STATUSES.indexOf(each.status)));
      const profile = each.profileId?.toHexString() ?? '';
      seen.add(profile);
      if (each.status === 'crashed') crashed.add(profile);
    }
    const counts = SESSION_STATUSES.map((_, rank) => [...worst.values()].filter((each) => each === rank).length);
    const found = await totals(app);
    assert.deepEqual(
      SESSION_STATUSES.map((status) => found[status]),
      counts,
    );
    assert.deepEqual([found.profiles, found.crashedProfiles], [seen.size, crashed.size]);
    const rows = database.db.collection('release_profiles');
    assert.equal(await rows.countDocuments({ appId: app }), seen.size);
    assert.equal(await rows.countDocuments({ appId: app, crashed: true }), crashed.size);
  });
});
