import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { BSON, type Binary, type Collection, MongoClient, type MongoClientOptions, ObjectId, UUID } from 'mongodb';
import { type Lanes, lanes, laneWasTaken } from '../../db/lane.js';
import { checkLanes } from '../../db/lane-check.js';
import { applySchema } from '../../db/schema.js';
import { cacheDirOf } from '../../scripts/servers/cache.mjs';
import { findMongod } from '../../scripts/servers/mongod-binary.mjs';
import { accepts, freePort } from '../../scripts/servers/ports.mjs';
import { launch, stop } from '../../scripts/servers/process.mjs';
import { testDatabase, type TestDatabase } from '../helper/database.js';

const newLane = (): Binary => new UUID().toBinary();

describe('a lane', () => {
  let database: TestDatabase;
  let own: Lanes;
  let rows: Collection;
  let group = 0;
  before(async () => {
    database = await testDatabase('lane');
    await applySchema(database.db);
    own = lanes(database.client, database.db);
    rows = database.db.collection('lane_check');
  });
  after(() => database.close());

  /** Documents of a group of their own, and how many of it are stored. */
  function documents(count: number, size = 10) {
    const meta = { group: (group += 1) };
    const each = Array.from({ length: count }, (_, n) =>
      BSON.serialize({ timestamp: new Date(), meta, _id: new ObjectId(), n, text: 'x'.repeat(size) }),
    );
    return { bytes: Buffer.concat(each), count: () => rows.countDocuments({ meta }), find: () => rows.find({ meta }) };
  }
  const insert = (lane: Binary, txnNumber: number, bytes: Uint8Array, by = own) =>
    by.use(lane, (one) => one.insert(txnNumber, 'lane_check', bytes));

  it('stores an insert once, however often it is sent, one after the other', async () => {
    const [lane, some] = [newLane(), documents(100)];
    for (let time = 0; time < 3; time++) await insert(lane, 1, some.bytes);
    assert.equal(await some.count(), 100);
  });

  it('stores an insert once, sent at once by several clients', async () => {
    const others = await Promise.all([1, 2].map(() => new MongoClient(process.env['MONGODB_URL'] ?? '').connect()));
    const users = [own, ...others.map((client) => lanes(client, client.db(database.db.databaseName)))];
    const [lane, some] = [newLane(), documents(500)];
    await Promise.all([...users, ...users].map((user) => insert(lane, 1, some.bytes, user)));
    assert.equal(await some.count(), 500);
    await Promise.all(others.map((client) => client.close()));
  });

  it('refuses what comes late after a fence, and stores what comes under a higher number', async () => {
    const lane = newLane();
    const [late, next] = [documents(10), documents(10)];
    await own.use(lane, (one) => one.fence(2));
    const error = await insert(lane, 1, late.bytes).catch((reason: unknown) => reason);
    assert.ok(laneWasTaken(error), String(error));
    assert.equal((error as { code?: unknown }).code, 225);
    await insert(lane, 3, next.bytes);
    assert.deepEqual([await late.count(), await next.count()], [0, 10]);
  });

  it('has a fence that really writes, each time', async () => {
    const lane = newLane();
    await own.use(lane, (one) => one.fence(2));
    await own.use(lane, (one) => one.fence(4));
    const fence = await database.db.collection<{ _id: Binary; fences: number }>('lane_fences').findOne({ _id: lane });
    assert.equal(fence?.fences, 2);
  });

  it('reads after a fence all that was stored before it', async () => {
    const [lane, some] = [newLane(), documents(50)];
    await insert(lane, 1, some.bytes);
    const seen = await own.use(lane, async ({ fence, session }) => {
      await fence(2);
      return rows.find({ 'meta.group': group }, { session, readConcern: { level: 'majority' } }).toArray();
    });
    assert.equal(seen.length, 50);
  });

  it('does not keep out another lane, nor ordinary writes of the same client', async () => {
    const [one, other] = [documents(5), documents(5)];
    const lane = newLane();
    await own.use(lane, (each) => each.fence(8));
    await insert(newLane(), 1, one.bytes);
    await Promise.all(Array.from({ length: 20 }, () => rows.insertOne({ timestamp: new Date(), meta: { group: -1 } })));
    await insert(newLane(), 1, other.bytes);
    assert.deepEqual(
      [await one.count(), await other.count(), await rows.countDocuments({ 'meta.group': -1 })],
      [5, 5, 20],
    );
  });

  it('takes thousands of documents and megabytes as one command, each byte as it was', async () => {
    const many = documents(3_000, 2_500);
    await insert(newLane(), 1, many.bytes);
    const found = await many.find().sort({ n: 1 }).toArray();
    assert.deepEqual(
      found.map(({ n }): unknown => n),
      Array.from({ length: 3_000 }, (_, n) => n),
    );
    assert.ok(found.every(({ text }) => text === 'x'.repeat(2_500)));
  });

  it('sends nothing where there is nothing to insert', async () => {
    const lane = newLane();
    await insert(lane, 1, Buffer.alloc(0));
    const some = documents(1);
    await insert(lane, 1, some.bytes);
    assert.equal(await some.count(), 1);
  });

  it('says what mongod says of a document that it does not take', async () => {
    const bytes = BSON.serialize({ meta: {}, _id: new ObjectId(), timestamp: 'no date' });
    await assert.rejects(
      insert(newLane(), 1, bytes),
      (error: unknown) => !laneWasTaken(error) && /timestamp/.test(String(error)),
    );
  });

  it('is what the driver sends: the session, the number and one sequence of documents', async () => {
    // The lane rests on parts that the driver keeps to itself; this fails when an upgrade changes them.
    const options: MongoClientOptions = { monitorCommands: true };
    const client = await new MongoClient(process.env['MONGODB_URL'] ?? '', options).connect();
    const commands: Record<string, unknown>[] = [];
    client.on('commandStarted', ({ commandName, command }) => {
      if (commandName === 'insert') commands.push(command);
    });
    const watched = lanes(client, client.db(database.db.databaseName));
    const [lane, some] = [newLane(), documents(3)];
    for (let time = 0; time < 2; time++) await insert(lane, 7, some.bytes, watched);
    await client.db(database.db.databaseName).collection('lane_check').insertOne({ timestamp: new Date(), meta: {} });
    const facts = commands.map(({ lsid, txnNumber, ordered, writeConcern }) => ({
      lsid: (lsid as { id: Binary }).id.toString('hex'),
      txnNumber: String(txnNumber),
      ordered,
      w: (writeConcern as { w?: unknown } | undefined)?.w,
    }));
    const mine = { lsid: lane.toString('hex'), txnNumber: '7', ordered: false, w: 'majority' };
    assert.deepEqual(facts.slice(0, 2), [mine, mine]);
    assert.equal(facts.length, 3, 'one command an insert');
    assert.notEqual(facts[2]?.lsid, mine.lsid, 'the lane never goes back to the pool');
    await client.close();
  });
});

describe('the check of lanes at start', () => {
  it('passes on the server that we test with, and leaves nothing behind', async () => {
    const { client, db, close } = await testDatabase('lane_check');
    await applySchema(db);
    await checkLanes(db, lanes(client, db));
    assert.equal(await db.collection('lane_check').countDocuments(), 0);
    await close();
  });

  it('fails where a repeated insert is stored twice, or a late one is let in', async () => {
    const { client, db, close } = await testDatabase('lane_check');
    await applySchema(db);
    const own = lanes(client, db);
    const forgetful: Lanes = { use: (_lane, work) => own.use(newLane(), work) };
    await assert.rejects(checkLanes(db, forgetful), /MongoDB \d+\.\d+\.\d+ .*stored 2 times.*replica set/s);
    const unfenced: Lanes = {
      use: (lane, work) => own.use(lane, (one) => work({ ...one, fence: async () => undefined })),
    };
    await assert.rejects(checkLanes(db, unfenced), /MongoDB \d+\.\d+\.\d+ .*not refused/s);
    await close();
  });

  it('refuses a mongod that is no replica set, by its version and with what to do', async () => {
    const { signal } = new AbortController();
    const { path, version } = await findMongod({
      env: process.env,
      cacheDir: cacheDirOf(process.env),
      say: () => undefined,
      signal,
    });
    const folder = mkdtempSync(join(tmpdir(), 'standalone-'));
    const port = await freePort();
    const args = ['--dbpath', folder, '--port', String(port), '--bind_ip', '127.0.0.1', '--nounixsocket'];
    const launched = launch({ command: path, args, logFile: join(folder, 'log') });
    try {
      while (!(await accepts(port))) await sleep(50);
      const client = await new MongoClient(`mongodb://127.0.0.1:${String(port)}/?directConnection=true`).connect();
      const db = client.db('standalone');
      await db.createCollection('lane_check', { timeseries: { timeField: 'timestamp', metaField: 'meta' } });
      const refused = new RegExp(`MongoDB ${version.replaceAll('.', '\\.')} .*Use a replica set`, 's');
      await assert.rejects(checkLanes(db, lanes(client, db)), refused);
      const closed = once(client, 'close').catch(() => undefined);
      await client.close();
      await Promise.race([closed, sleep(100)]);
    } finally {
      await stop(launched, 30_000);
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
