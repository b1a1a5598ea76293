import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { identityOf } from '../../scripts/servers/identity.mjs';
import { npmStart, pidOf, processesOf, type Ready, recorded } from '../helper/npm-start.js';
import { until } from '../helper/until.js';

const dataDir = mkdtempSync(join(tmpdir(), 'start-'));
const readyFile = join(dataDir, 'ready.json');
const start = (env: NodeJS.ProcessEnv = {}) => npmStart(dataDir, env);

async function answers(url: string) {
  const response = await fetch(url, { signal: AbortSignal.timeout(5000) }).catch(() => undefined);
  return response?.ok === true;
}

/** Stores a document beside ours, to see whether it is still there later. */
async function withCollection<T>(url: string, work: (notes: ReturnType<typeof notesOf>) => Promise<T>): Promise<T> {
  const client = await new MongoClient(url, { serverSelectionTimeoutMS: 10_000 }).connect();
  try {
    return await work(notesOf(client));
  } finally {
    await client.close();
  }
}

const notesOf = (client: MongoClient) => client.db('start_test').collection<{ readonly _id: string }>('notes');

describe('npm start', () => {
  let first: ReturnType<typeof start>;
  let announced: Ready;

  before(async () => {
    first = start();
    announced = await first.ready();
  });

  after(async () => {
    for (const pid of processesOf(dataDir)) process.kill(pid, 'SIGKILL');
    while (processesOf(dataDir).length > 0) await sleep(50);
    rmSync(dataDir, { recursive: true, force: true });
  });

  test('writes what runs to a file that only the owner may read, and prints the same', () => {
    assert.equal(statSync(readyFile).mode & 0o777, 0o600);
    assert.deepEqual(Object.keys(announced), [
      'pid',
      'apiUrl',
      'temporalUiUrl',
      'temporalAddress',
      'mongodbUrl',
      'ownerToken',
      'demo',
    ]);
    assert.notEqual(identityOf(announced.pid), undefined);
    assert.match(announced.apiUrl, /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.match(announced.mongodbUrl, /^mongodb:\/\/127\.0\.0\.1:\d+\/experience\?replicaSet=rs0$/);
    assert.match(announced.ownerToken, /^exm_\w{32,}$/);
    assert.match(announced.demo.apiKey, /^exp_\w{32,}$/);
    assert.match(announced.demo.serverKey, /^exp_\w{32,}$/);
    const dsn = new URL(announced.demo.dsn);
    assert.equal(dsn.username, announced.demo.apiKey);
    assert.equal(dsn.host, new URL(announced.apiUrl).host);
    assert.match(dsn.pathname, /^\/\d+$/);
    for (const shown of [announced.apiUrl, announced.temporalUiUrl, announced.ownerToken, announced.demo.apiKey]) {
      assert.ok(first.output().includes(shown), `${shown} is printed`);
    }
  });

  test('serves: the API, the API reference, the Temporal UI', async () => {
    for (const path of ['/healthz', '/readyz', '/docs']) assert.ok(await answers(announced.apiUrl + path), path);
    assert.ok(await answers(announced.temporalUiUrl));
  });

  test('keeps its secret and its logs for the owner only', () => {
    for (const name of ['secret-key', 'logs/api.log', 'logs/worker.log', 'logs/mongod.log', 'logs/temporal.log']) {
      assert.equal(statSync(join(dataDir, name)).mode & 0o077, 0, name);
    }
  });

  if (process.platform === 'linux') {
    test('listens on loopback only', () => {
      const pids = new Set(recorded(dataDir).map(({ pid }) => pid));
      assert.equal(pids.size, 4);
      const listening = ['tcp', 'tcp6'].flatMap((table) =>
        readFileSync(`/proc/net/${table}`, 'utf8')
          .split('\n')
          .slice(1)
          .map((line) => line.trim().split(/\s+/))
          .filter(([, , , state]) => state === '0A')
          .map(([, local = '', , , , , , , , inode = '']) => ({ address: local.split(':')[0] ?? '', inode })),
      );
      const sockets = [...pids].flatMap((pid) =>
        readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
          const stat = statSync(`/proc/${pid}/fd/${fd}`, { throwIfNoEntry: false });
          return stat?.isSocket() === true ? [String(stat.ino)] : [];
        }),
      );
      const ours = listening.filter(({ inode }) => sockets.includes(inode));
      assert.ok(ours.length >= 4, 'API, MongoDB, Temporal, its UI at least');
      const loopback = ['0100007F', '00000000000000000000000001000000', '0000000000000000FFFF00000100007F'];
      assert.deepEqual(
        ours.filter(({ address }) => !loopback.includes(address)),
        [],
      );
    });
  }

  test('refuses a second start on the same folder with the reason, and leaves the first alone', async () => {
    const second = start();
    assert.equal(await second.ended, 1);
    assert.match(
      second.output(),
      new RegExp(`${dataDir} is in use by another npm start, process ${announced.pid} since`),
    );
    assert.ok(await answers(`${announced.apiUrl}/readyz`));
    assert.ok(existsSync(readyFile));
  });

  test('uses servers that it is given, and does not stop what it has not started', async () => {
    const otherDir = mkdtempSync(join(tmpdir(), 'start-'));
    const other = npmStart(otherDir, {
      MONGODB_URL: announced.mongodbUrl.replace('/experience?', '/?'),
      TEMPORAL_ADDRESS: announced.temporalAddress,
      SECRET_KEY: readFileSync(join(dataDir, 'secret-key'), 'utf8'),
    });
    const { mongodbUrl, ownerToken } = await other.ready();
    assert.equal(mongodbUrl, announced.mongodbUrl, 'the database is named');
    assert.equal(ownerToken, announced.ownerToken, 'the same secret in the same database');
    assert.deepEqual(
      recorded(otherDir)
        .map(({ name }) => name)
        .sort(),
      ['api', 'worker'],
    );
    assert.equal(await other.stop('SIGTERM'), 0, other.output());
    assert.deepEqual(processesOf(otherDir), []);
    rmSync(otherDir, { recursive: true });
    assert.ok(await answers(`${announced.apiUrl}/readyz`));
    assert.equal(recorded(dataDir).length, 4);
  });

  test('reports a worker that is killed, and starts it again', async () => {
    const worker = pidOf(dataDir, 'worker');
    process.kill(worker, 'SIGKILL');
    await first.until('the worker', () => first.output().includes('worker: running again'));
    assert.match(first.output(), /worker: died \(killed by SIGKILL\), starting it again in 0\.25 s/);
    assert.notEqual(pidOf(dataDir, 'worker'), worker);
  });

  test('reports a MongoDB that is killed, and serves again with what was stored', async () => {
    await withCollection(announced.mongodbUrl, (notes) =>
      notes.insertOne({ _id: 'kept' }, { writeConcern: { w: 'majority', journal: true } }),
    );
    process.kill(pidOf(dataDir, 'mongod'), 'SIGKILL');
    await first.until('mongod', () => first.output().includes('mongod: running again'));
    const found = await withCollection(announced.mongodbUrl, (notes) => notes.findOne({ _id: 'kept' }));
    assert.deepEqual(found, { _id: 'kept' });
    await until(first.output, () => answers(`${announced.apiUrl}/readyz`));
  });

  test('stops everything in order when asked to, also when asked again and again', async () => {
    const pids = recorded(dataDir).map(({ pid }) => pid);
    for (let i = 0; i < 3; i += 1) {
      process.kill(announced.pid, 'SIGINT');
      await sleep(20);
    }
    assert.equal(await first.stop('SIGTERM'), 0, first.output());
    assert.match(first.output(), /stopped\n$/);
    assert.equal(first.output().includes('was forced to'), false, first.output());
    assert.equal(existsSync(readyFile), false);
    assert.deepEqual(
      pids.filter((pid) => identityOf(pid) !== undefined),
      [],
    );
    assert.deepEqual(processesOf(dataDir), []);
    assert.deepEqual(recorded(dataDir), []);
  });

  test('started again, on other ports, has the same keys and the same data', async () => {
    const second = start();
    const again = await second.ready();
    assert.notEqual(again.mongodbUrl, announced.mongodbUrl);
    assert.equal(again.ownerToken, announced.ownerToken);
    assert.equal(again.demo.appId, announced.demo.appId);
    assert.equal(again.demo.apiKey, announced.demo.apiKey);
    assert.equal(again.demo.serverKey, announced.demo.serverKey);
    const found = await withCollection(again.mongodbUrl, (notes) => notes.findOne({ _id: 'kept' }));
    assert.deepEqual(found, { _id: 'kept' });

    // Killed without a chance to stop anything: API and worker go by themselves, the servers stay.
    const left = recorded(dataDir);
    process.kill(again.pid, 'SIGKILL');
    await second.ended;
    const mongod = left.find(({ name }) => name === 'mongod')?.pid ?? 0;
    assert.notEqual(identityOf(mongod), undefined);
    const ours = left.filter(({ name }) => name === 'api' || name === 'worker');
    await until('API and worker end without anybody to watch over them', () =>
      ours.every(({ pid }) => identityOf(pid) === undefined),
    );

    const third = start();
    const last = await third.ready();
    assert.match(
      third.output(),
      new RegExp(`mongod: process ${mongod} was left by a start that was killed; stopped it`),
    );
    assert.equal(last.ownerToken, announced.ownerToken);
    assert.equal(await third.stop('SIGTERM'), 0, third.output());
    assert.deepEqual(processesOf(dataDir), []);
  });

  test('stops altogether, with the reason, when the API cannot be kept alive', async () => {
    const run = start();
    await run.ready();
    const killed = new Set<number>();
    const next = () => recorded(dataDir).find(({ name, pid }) => name === 'api' && !killed.has(pid))?.pid;
    for (let deaths = 0; deaths < 5; deaths += 1) {
      // As soon as there is a new one: it need not have become ready to have died.
      const api = await run.until('the next API', next);
      process.kill(api, 'SIGKILL');
      killed.add(api);
    }
    assert.equal(await run.ended, 1);
    assert.match(run.output(), /api died 5 times within 60 s \(killed by SIGKILL\)/);
    assert.equal(existsSync(readyFile), false);
    assert.deepEqual(processesOf(dataDir), []);
  });

  test('that is asked to stop while it starts leaves nothing behind', async () => {
    const run = start();
    await run.until('mongod', () => recorded(dataDir).length > 0);
    assert.equal(await run.stop('SIGTERM'), 0, run.output());
    assert.equal(run.output().includes('Owner token'), false);
    assert.deepEqual(processesOf(dataDir), []);
  });

  test('that cannot have the port it was given says so and stops', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const run = start({ PORT: String(port) });
    assert.equal(await run.ended, 1);
    other.close();
    assert.match(run.output(), new RegExp(`PORT: port ${port} is taken by another program`));
    assert.deepEqual(processesOf(dataDir), []);
  });

  test('with a MONGODB_URL where nothing answers says so and stops', async () => {
    const run = start({ MONGODB_URL: 'mongodb://somebody:secret@127.0.0.1:9/' });
    assert.equal(await run.ended, 1);
    assert.match(run.output(), /MONGODB_URL: no MongoDB that lets us in answers there \(connect ECONNREFUSED 127/);
    assert.equal(run.output().includes('secret'), false);
    assert.deepEqual(processesOf(dataDir), []);
  });
});
