import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MongoClient, ObjectId } from 'mongodb';
import { registry } from '../api/management.js';
import { hashSecret, newAppKey } from '../api/secrets.js';
import { applySchema } from '../db/schema.js';
import { spool } from '../db/spool.js';
import { shownPrefix } from '../domain/key.js';
import { build } from '../scripts/build.mjs';
import { cacheDirOf } from '../scripts/servers/cache.mjs';
import { withDatabase } from '../scripts/servers/mongodb.mjs';
import { nodeService } from '../scripts/servers/node-service.mjs';
import { supervise } from '../scripts/servers/supervise.mjs';
import { temporaryEngines } from '../scripts/servers/temporary.mjs';
import { bareInsertRate } from './bare-insert.js';
import type { Job, LoadResult } from './ingest-load.js';
import { processUse, type ProcessUse } from './process-use.js';

// npm run bench:ingest: everything on this machine, the load from another process, all figures from one run.

const SCALE = Number(process.env['BENCH_SCALE'] ?? 1);
const BARE_EVENTS = 150_000 * SCALE;

const root = join(import.meta.dirname, '..');
const say = (line: string): void => console.error(line);
const signal = new AbortController().signal;
const around = { root, cacheDir: cacheDirOf(process.env), say, signal };

interface Measured extends Phase, LoadResult {
  readonly name: string;
  readonly eventsPerSecond: number;
  readonly ackedPerSecond: number;
  readonly processes: readonly {
    readonly process: string;
    readonly cores: number;
    readonly microsecondsAnEvent: number;
    readonly rssMiB: number;
  }[];
}

type Phase = Omit<Job, 'url' | 'key'>;

await build(around);
const engines = await temporaryEngines({ ...around, env: process.env, died: say, cacheGb: 4 });
const client = await new MongoClient(engines.mongodbUrl, { maxPoolSize: 20 }).connect();
const db = client.db('bench');
await applySchema(db);
const key = await appKey();
const bareBefore = await bareInsertRate(db, BARE_EVENTS);

let url = '';
const env = {
  ...process.env,
  MONGODB_URL: withDatabase(engines.mongodbUrl, 'bench'),
  TEMPORAL_ADDRESS: engines.temporalAddress,
  SECRET_KEY: 'bench-'.repeat(8),
  PORT: '0',
  WORKFLOW_BUNDLE: join(root, 'dist', 'workflow-bundle.js'),
  LOG_LEVEL: 'warn',
  REQUESTS_PER_SECOND_PER_KEY: '1000000',
};
const pids = new Map(servers());
const service = (name: string) =>
  supervise(
    nodeService({
      name,
      script: join(root, 'dist', name, 'main.js'),
      env,
      logFile: join(engines.dataDir, `${name}.log`),
      onReady: (message) => {
        url = message.url ?? url;
      },
    }),
    { say, giveUp: say, deaths: 1, records: { add: (_name, pid) => pids.set(name, pid), remove: () => undefined } },
  );
const services = [service('api'), service('worker')];
for (const each of services) await each.start(signal);

const load = fork(join(root, 'bench', 'ingest-load.ts'));
pids.set('load', load.pid ?? 0);
const runs: Measured[] = [];
try {
  await measure('warm-up', { events: 20_000 * SCALE, batch: 20, connections: 64 });
  runs.push(await measure('batch 20', { events: 300_000 * SCALE, batch: 20, connections: 256 }));
  const half = Math.round((runs[0]?.eventsPerSecond ?? 0) / 2);
  runs.push(
    await measure('batch 20, half rate', { events: half * 10, batch: 20, connections: 96, eventsPerSecond: half }),
  );
  runs.push(await measure('batch 500', { events: 400_000 * SCALE, batch: 500, connections: 24 }));
  runs.push(await measure('batch 1, 300 connections', { events: 60_000 * SCALE, batch: 1, connections: 300 }));
  const bareAfter = await bareInsertRate(db, BARE_EVENTS);
  report(bareBefore, bareAfter);
} finally {
  load.kill();
  for (const each of services) await each.stop();
  await client.close();
  await engines.stop();
}
process.exit();

async function appKey(): Promise<string> {
  const secret = newAppKey();
  await registry({ client, db }).appChanges.register({
    actor: { kind: 'system', id: null, name: 'bench' },
    ownerId: new ObjectId(),
    appId: 'bench',
    name: 'Bench',
    config: { maxEventsPerDay: 1_000_000_000_000 },
    clientKey: { hash: hashSecret(secret), prefix: shownPrefix(secret) },
  });
  return secret;
}

/** The servers that were started for this run; none where the environment names others. */
function servers(): [string, number][] {
  const started = JSON.parse(readFileSync(join(engines.dataDir, 'processes.json'), 'utf8')) as {
    name: string;
    pid: number;
  }[];
  return started.map(({ name, pid }) => [name, pid]);
}

/** From the first request until the last event is stored. */
async function measure(name: string, job: Phase): Promise<Measured> {
  say(`${name} ...`);
  load.send({ ...job, url, key });
  const { beganAt = 0 } = await heard();
  const before = uses();
  const { result } = await heard();
  if (result === undefined) throw new Error('the load gave no result');
  const store = spool(db);
  while ((await store.backlog()).flushes > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  const seconds = (Date.now() - beganAt) / 1000;
  const after = uses();
  const processes = [...after].map(([process, { cpuSeconds, rssMiB }]) => {
    const cpu = cpuSeconds - (before.get(process)?.cpuSeconds ?? 0);
    return { process, cores: cpu / seconds, microsecondsAnEvent: (cpu * 1e6) / job.events, rssMiB };
  });
  return {
    name,
    ...job,
    ...result,
    eventsPerSecond: job.events / seconds,
    ackedPerSecond: job.events / result.seconds,
    processes,
  };
}

async function heard(): Promise<{ beganAt?: number; result?: LoadResult }> {
  const [message] = (await once(load, 'message')) as [{ beganAt?: number; result?: LoadResult; error?: string }];
  if (message.error !== undefined) throw new Error(message.error);
  return message;
}

function uses(): Map<string, ProcessUse> {
  return new Map([...pids].map(([name, pid]) => [name, processUse(pid)]));
}

function report(before: number, after: number): void {
  const bare = Math.max(before, after);
  const whole = (value: number) => Math.round(value).toLocaleString('en');
  console.log(`\nbare insertMany: ${whole(before)} events/s before, ${whole(after)} after\n`);
  console.table(
    runs.map((run) => ({
      run: run.name,
      'bytes/event': run.bytesAnEvent,
      'acked/s': whole(run.ackedPerSecond),
      'stored/s': whole(run.eventsPerSecond),
      'of bare': (run.eventsPerSecond / bare).toFixed(3),
      'ack p50 ms': run.p50.toFixed(1),
      'ack p99 ms': run.p99.toFixed(1),
      refused: JSON.stringify(run.refused),
    })),
  );
  for (const run of runs) {
    console.log(run.name);
    console.table(
      run.processes.map(({ process, cores, microsecondsAnEvent, rssMiB }) => ({
        process,
        cores: cores.toFixed(2),
        'us CPU/event': microsecondsAnEvent.toFixed(1),
        'RSS MiB': rssMiB,
      })),
    );
  }
  const of = (name: string) => runs.find((run) => run.name === name);
  const ratio = (name: string) => Number(((of(name)?.eventsPerSecond ?? 0) / bare).toFixed(3));
  console.log(
    JSON.stringify({
      ratioBatch20: ratio('batch 20'),
      ratioBatch500: ratio('batch 500'),
      batch1PerSecond: Math.round(of('batch 1, 300 connections')?.eventsPerSecond ?? 0),
      ackP99AtHalfRateMs: Number((of('batch 20, half rate')?.p99 ?? 0).toFixed(1)),
      bareBefore: Math.round(before),
      bareAfter: Math.round(after),
      runs,
    }),
  );
}
