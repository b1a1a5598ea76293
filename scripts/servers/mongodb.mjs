import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { MongoClient, MongoServerError } from 'mongodb';
import { accepts } from './ports.mjs';
import { launch } from './process.mjs';
import { isAtLeast } from './search.mjs';

const REPLICA_SET = 'rs0';
const NOT_YET_INITIALIZED = 94;
const LEAST = '6.0.0';

/**
 * A mongod of our own: a replica set of one (transactions and majority writes need a set), on loopback only.
 * @param {{ binary: string, folder: string, port: number, logFile: string, cacheGb: number }} options
 */
export function mongodb({ binary, folder, port, logFile, cacheGb }) {
  const url = `mongodb://127.0.0.1:${String(port)}/?replicaSet=${REPLICA_SET}`;
  const args = [
    ['--dbpath', folder],
    ['--port', String(port)],
    ['--bind_ip', '127.0.0.1'],
    ['--nounixsocket'],
    ['--replSet', REPLICA_SET],
    ['--wiredTigerCacheSizeGB', String(cacheGb)],
    // By default these two grow with the disk: up to 50 GB of oplog, and 200 MB of diagnostics nobody here reads.
    ['--oplogSize', '1024'],
    ['--setParameter', 'diagnosticDataCollectionEnabled=false'],
    // A worker that is killed leaves its transaction open, with the counts it has locked: not for a whole minute.
    ['--setParameter', 'transactionLifetimeLimitSeconds=15'],
    // By default a file that nobody uses stays open for ten minutes, and one of a dropped collection is kept for five:
    // a run of the tests, which makes hundreds of databases, comes to the limit of open files, and mongod aborts.
    ['--wiredTigerEngineConfigString', 'file_manager=(close_idle_time=20,close_scan_interval=5)'],
    ['--setParameter', 'minSnapshotHistoryWindowInSeconds=60'],
  ].flat();

  return {
    name: 'mongod',
    url,
    readyBoundMs: 120_000,
    stopBoundMs: 60_000,
    launch: () => {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      return launch({ command: binary, args, logFile });
    },
    /**
     * @param {import('./process.mjs').Launched} _launched
     * @param {AbortSignal} signal
     */
    ready: (_launched, signal) => becomePrimary(port, signal),
  };
}

/**
 * Waits until mongod answers, makes it a replica set of one if it is none, and waits until it takes writes.
 * @param {number} port
 * @param {AbortSignal} signal
 */
async function becomePrimary(port, signal) {
  const host = `127.0.0.1:${String(port)}`;
  for (;;) {
    while (!(await accepts(port))) await sleep(50, undefined, { signal });
    // A new client each time: one whose first connection failed never works again.
    const client = new MongoClient(`mongodb://${host}/?directConnection=true`, { serverSelectionTimeoutMS: 2000 });
    try {
      await client.connect();
      const admin = client.db('admin');
      for (;;) {
        const hello = await admin.command({ hello: 1 });
        if (hello['isWritablePrimary'] === true && hello['me'] === host) return;
        if (hello['secondary'] !== true) await configure(admin, host);
        await sleep(50, undefined, { signal });
      }
    } catch (error) {
      if (error instanceof MongoServerError && !isPassing(error)) throw error;
      await sleep(50, undefined, { signal });
    } finally {
      await client.close();
    }
  }
}

/**
 * @param {import('mongodb').Db} admin
 * @param {string} host
 */
async function configure(admin, host) {
  const member = { _id: 0, host };
  try {
    const { config } = await admin.command({ replSetGetConfig: 1 });
    if (config.members.length === 1 && config.members[0].host === host) return;
    // The data was last served on another port.
    const moved = { ...config, version: config.version + 1, members: [{ ...config.members[0], ...member }] };
    await admin.command({ replSetReconfig: moved, force: true });
  } catch (error) {
    if (!(error instanceof MongoServerError) || error.code !== NOT_YET_INITIALIZED) throw error;
    await admin.command({ replSetInitiate: { _id: REPLICA_SET, members: [member] } });
  }
}

/**
 * While it starts, a mongod says for a moment that it has no configuration yet, is about to shut down, or is electing.
 * @param {MongoServerError} error
 */
function isPassing(error) {
  const names = ['InterruptedDueToReplStateChange', 'NotYetInitialized', 'NotPrimaryNoSecondaryOk', 'NodeNotFound'];
  return names.includes(String(error.codeName)) || error.hasErrorLabel('RetryableError');
}

/**
 * Checks a MongoDB that somebody else runs.
 * @param {string} url
 * @returns {Promise<string>} its version
 */
export async function checkMongodbUrl(url) {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 5000 });
  try {
    await client.connect().catch((/** @type {Error} */ error) => {
      throw new Error(`MONGODB_URL: no MongoDB that lets us in answers there (${error.message})`, { cause: error });
    });
    const hello = await client.db('admin').command({ hello: 1 });
    const { version } = await client.db('admin').command({ buildInfo: 1 });
    if (!isAtLeast(version, LEAST)) throw new Error(`MONGODB_URL: MongoDB ${version} is older than ${LEAST}`);
    if (hello['setName'] === undefined && hello['msg'] !== 'isdbgrid') {
      throw new Error('MONGODB_URL: a replica set or a sharded cluster is needed (transactions), and this is neither');
    }
    return version;
  } finally {
    await client.close();
  }
}

/**
 * The same URL with a database in its path, unless it has one.
 * @param {string} url
 * @param {string} database
 */
export function withDatabase(url, database) {
  const [, base = '', path, query = ''] = /^(mongodb(?:\+srv)?:\/\/[^/?]+)(\/[^?]*)?(\?.*)?$/.exec(url) ?? [];
  if (base === '') throw new Error('MONGODB_URL is no mongodb:// URL');
  return path === undefined || path === '/' ? `${base}/${database}${query}` : url;
}
