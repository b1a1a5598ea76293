import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Binary, BSON, Long, MongoClient, ObjectId, UUID } from 'mongodb';
import { batchDeps } from '../../activities/batch-deps.js';
import { batchActivities } from '../../activities/batches.js';
import { firstRun } from '../../api/first-owner.js';
import { registry } from '../../api/management.js';
import { lanes } from '../../db/lane.js';
import { setUpMongodb } from '../../db/mongodb-users.js';
import { openDatabase } from '../../db/open.js';
import { retention } from '../../db/retention.js';
import { accepts, freePort } from '../../scripts/servers/ports.mjs';
import { launch } from '../../scripts/servers/process.mjs';
import { controlled, mongodBinary, processFolder } from '../helper/engines.js';
import { ask, click, ingestApi, SECRET_KEY } from '../helper/ingest.js';
import { until } from '../helper/until.js';

const PATIENCE = { serverSelectionTimeoutMS: 10_000, socketTimeoutMS: 60_000 };

/** As the mongod of docker-compose.yml: with users, and a replica set only once somebody makes it one. */
describe('the MongoDB of a deployment', () => {
  const processes = processFolder();
  const folder = join(processes.folder, 'mongodb');
  const keyFile = join(processes.folder, 'keyfile');
  let port: number;
  let mongod: ReturnType<typeof controlled>;
  const service = (binary: string, args: readonly string[]) => ({
    name: 'mongod',
    readyBoundMs: 60_000,
    stopBoundMs: 60_000,
    launch: () => {
      const all = ['--dbpath', folder, '--port', String(port), '--bind_ip', '127.0.0.1', '--nounixsocket'];
      const command = [...all, '--wiredTigerCacheSizeGB', '0.25', '--oplogSize', '64', ...args];
      return launch({ command: binary, args: command, logFile: join(processes.folder, 'mongod.log') });
    },
    ready: async () => {
      while (!(await accepts(port))) await sleep(50);
    },
  });
  const clients: MongoClient[] = [];
  const as = async (username: string, password: string) => {
    const auth = { username, password };
    const options = { auth, authSource: 'admin', directConnection: true, ...PATIENCE };
    const client = await new MongoClient(`mongodb://127.0.0.1:${String(port)}/`, options).connect();
    clients.push(client);
    return client;
  };
  const setUp = (passwords: { readonly rootPassword?: string; readonly password?: string } = {}) =>
    setUpMongodb({
      address: `127.0.0.1:${String(port)}`,
      database: 'experience',
      rootPassword: 'r/oot:@?',
      password: 'apps',
      ...passwords,
    });
  const rolesOf = async (name: string) => {
    const root = await as('root', 'r/oot:@?');
    const { users } = await root.db('admin').command({ usersInfo: name });
    const [user] = users as { readonly roles: readonly { readonly role: string; readonly db: string }[] }[];
    return user?.roles.map(({ role, db }) => `${role}@${db}`).sort();
  };

  before(async () => {
    port = await freePort();
    mkdirSync(folder);
    writeFileSync(keyFile, 'k'.repeat(64), { mode: 0o400 });
    // What the image does first, with the user that was root until now.
    const binary = await mongodBinary();
    const open = controlled(service(binary, []), processes);
    await open.start();
    const client = await new MongoClient(`mongodb://127.0.0.1:${String(port)}/`).connect();
    await client.db('admin').command({ createUser: 'experience', pwd: 'apps', roles: ['root'] });
    await client.close();
    await open.stop();
    mongod = controlled(service(binary, ['--replSet', 'rs0', '--keyFile', keyFile]), processes);
    await mongod.start();
  });
  after(async () => {
    for (const client of clients) await client.close();
    await mongod.stop();
    processes.remove();
  });

  it('gives root to a user of its own, and takes it from that of API and worker', async () => {
    await setUp();
    assert.deepEqual(await rolesOf('root'), ['root@admin']);
    assert.deepEqual(await rolesOf('experience'), ['dbAdmin@experience', 'readWrite@experience']);
  });

  it('is as it was when it is set up again, and has new passwords where they are new', async () => {
    await setUp();
    assert.deepEqual(await rolesOf('experience'), ['dbAdmin@experience', 'readWrite@experience']);
    await setUp({ password: 'another' });
    await assert.rejects(as('experience', 'apps'), { code: 18 });
    await as('experience', 'another');
    await setUp();
    await assert.rejects(setUp({ rootPassword: 'wrong' }), { code: 13 });
  });

  it('makes the user of API and worker where there is none', async () => {
    const root = await as('root', 'r/oot:@?');
    await root.db('admin').command({ dropUser: 'experience' });
    await setUp();
    assert.deepEqual(await rolesOf('experience'), ['dbAdmin@experience', 'readWrite@experience']);
  });

  it('knows what was stored in a lane before that user lost root', async () => {
    const root = await as('root', 'r/oot:@?');
    await root.db('admin').command({ updateUser: 'experience', roles: ['root'] });
    const lane = new Binary(new UUID().buffer, Binary.SUBTYPE_UUID);
    const row = new ObjectId();
    const store = async () => {
      const client = await as('experience', 'apps');
      const db = client.db('experience');
      const doc = BSON.serialize({ _id: new ObjectId(), row, n: Long.ONE });
      await lanes(client, db).use(lane, (it_) => it_.insert(1, 'once', doc));
      return db.collection('once').countDocuments({ row });
    };
    assert.equal(await store(), 1);
    await setUp();
    assert.equal(await store(), 1);
    await root.db('experience').dropCollection('once');
  });

  it('lets API and worker do all they do', async (t) => {
    const url = `mongodb://experience:apps@127.0.0.1:${String(port)}/experience?replicaSet=rs0&authSource=admin`;
    const opened = await openDatabase({ url, appName: 'test', ...PATIENCE });
    const { client, db } = opened;
    t.after(() => client.close());
    const { demo, ownerToken } = await firstRun(registry({ client, db }), SECRET_KEY);
    const api = await ingestApi(client, db);
    t.after(() => api.close());

    const sent = await ask(api, { body: { events: [click()] }, key: demo.apiKey });
    assert.equal(sent.status, 202);
    const worker = batchActivities(batchDeps({ client, db, lanes: opened.lanes, onAlerts: () => undefined }));
    for (const { _id } of await db.collection<{ _id: string }>('ingest_spool').find({ state: 'new' }).toArray())
      await worker.storeFlush({ flushId: _id });
    assert.equal(await db.collection('events').countDocuments({}), 1);
    await retention(db).raiseBounds({ events: 400, heatmapEvents: 400 });

    // Served by a change stream.
    const flag = { key: 'checkout', type: 'boolean', defaultValue: true };
    const created = await ask(api, { url: '/v1/apps/demo/flags', body: flag, key: ownerToken });
    assert.equal(created.status, 201, created.raw.toString());
    await until('the flag is served', async () => {
      const { raw } = await ask(api, { method: 'GET', url: '/v1/flags?profileId=ada', key: demo.apiKey });
      return raw.includes('"checkout":true');
    });
  });

  it('lets them do nothing elsewhere', async () => {
    const client = await as('experience', 'apps');
    const admin = client.db('admin');
    const refused = { code: 13 };
    await assert.rejects(admin.command({ usersInfo: 1 }), refused);
    await assert.rejects(admin.command({ createUser: 'x', pwd: 'x', roles: ['root'] }), refused);
    await assert.rejects(client.db('experience').command({ createUser: 'x', pwd: 'x', roles: ['dbOwner'] }), refused);
    await assert.rejects(admin.command({ shutdown: 1 }), refused);
    await assert.rejects(admin.collection('system.users').findOne(), refused);
    await assert.rejects(client.db('other').collection('x').insertOne({}), refused);
    await assert.rejects(client.db('local').collection('oplog.rs').findOne(), refused);
    await assert.rejects(client.db('other').dropDatabase(), refused);
  });
});
