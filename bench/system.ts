import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MongoClient, ObjectId } from 'mongodb';
import { hashSecret, newAppKey } from '../api/secrets.js';
import type { App } from '../db/apps.js';
import type { AppConfig } from '../domain/app.js';
import { shownPrefix } from '../domain/key.js';
import { build } from '../scripts/build.mjs';
import { cacheDirOf } from '../scripts/servers/cache.mjs';
import { withDatabase } from '../scripts/servers/mongodb.mjs';
import { nodeService } from '../scripts/servers/node-service.mjs';
import { supervise } from '../scripts/servers/supervise.mjs';
import { temporaryEngines } from '../scripts/servers/temporary.mjs';
import type { Job, LoadResult } from './load.js';
import { productOf } from './product.js';
import { processUse, type ProcessUse } from './process-use.js';

const ROOT = join(import.meta.dirname, '..');
const SECRET_KEY = 'bench-'.repeat(8);
const say = (line: string): void => console.error(line);

export type Phase = Omit<Job, 'url' | 'key' | 'dsnId'>;

export interface Measured extends Phase, LoadResult {
  readonly name: string;
  readonly storedPerSecond: number;
  readonly ackedPerSecond: number;
  readonly processes: readonly {
    readonly process: string;
    readonly cores: number;
    readonly microsecondsAnItem: number;
    readonly rssMiB: number;
  }[];
}

/**
 * The built product on servers of its own, all on this machine, and a load in another process.
 * @param root the checkout whose product it is
 */
export async function benchSystem(root = ROOT) {
  const signal = new AbortController().signal;
  const around = { root, cacheDir: cacheDirOf(process.env), say, signal };
  await build(around);
  const { applySchema, spool, firstRun, registry } = await productOf(root);
  const engines = await temporaryEngines({ ...around, env: process.env, died: say, cacheGb: 4 });
  const client = await new MongoClient(engines.mongodbUrl, { maxPoolSize: 20 }).connect();
  const db = client.db('bench');
  await applySchema(db);
  const { ownerToken } = await firstRun(registry({ client, db }), SECRET_KEY);

  let url = '';
  const env = {
    ...process.env,
    MONGODB_URL: withDatabase(engines.mongodbUrl, 'bench'),
    TEMPORAL_ADDRESS: engines.temporalAddress,
    SECRET_KEY,
    PORT: '0',
    WORKFLOW_BUNDLE: join(root, 'dist', 'workflow-bundle.js'),
    LOG_LEVEL: 'warn',
    REQUESTS_PER_SECOND_PER_KEY: '1000000',
    REQUESTS_PER_SECOND_PER_ADDRESS: '1000000',
  };
  const pids = new Map(startedServers(engines.dataDir));
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
  const load = fork(join(ROOT, 'bench', 'load.ts'));
  pids.set('load', load.pid ?? 0);
  const uses = () => new Map<string, ProcessUse>([...pids].map(([name, pid]) => [name, processUse(pid)]));

  async function heard(): Promise<{ beganAt?: number; result?: LoadResult }> {
    const [message] = (await once(load, 'message')) as [{ beganAt?: number; result?: LoadResult; error?: string }];
    if (message.error !== undefined) throw new Error(message.error);
    return message;
  }

  return {
    client,
    db,
    mongodbUrl: engines.mongodbUrl,
    url: (): string => url,
    ownerToken,
    /** What each process has used so far. */
    uses,

    async start(): Promise<void> {
      for (const each of services) await each.start(signal);
    },

    /** Registers an app that may send as much as it likes. */
    async app(appId: string, config: Partial<AppConfig> = {}): Promise<{ readonly app: App; readonly key: string }> {
      const key = newAppKey();
      const { app } = await registry({ client, db }).appChanges.register({
        actor: { kind: 'system', id: null, name: 'bench' },
        ownerId: new ObjectId(),
        appId,
        name: appId,
        config: { maxEventsPerDay: 1_000_000_000_000, ...config },
        clientKey: { hash: hashSecret(key), prefix: shownPrefix(key) },
      });
      return { app, key };
    },

    /** From the first request until the last item is stored. */
    async measure(name: string, to: { readonly app: App; readonly key: string }, job: Phase): Promise<Measured> {
      say(`${name} ...`);
      load.send({ ...job, url, key: to.key, dsnId: to.app.dsnId } satisfies Job);
      const { beganAt = 0 } = await heard();
      const before = uses();
      const { result } = await heard();
      if (result === undefined) throw new Error('the load gave no result');
      const store = spool(db);
      while ((await store.backlog()).flushes > 0) await new Promise((resolve) => setTimeout(resolve, 50));
      const seconds = (Date.now() - beganAt) / 1000;
      const processes = [...uses()].map(([process, { cpuSeconds, rssMiB }]) => {
        const cpu = cpuSeconds - (before.get(process)?.cpuSeconds ?? 0);
        return { process, cores: cpu / seconds, microsecondsAnItem: (cpu * 1e6) / job.items, rssMiB };
      });
      return {
        name,
        ...job,
        ...result,
        storedPerSecond: job.items / seconds,
        ackedPerSecond: job.items / result.seconds,
        processes,
      };
    },

    async stop(): Promise<void> {
      load.kill();
      for (const each of services) await each.stop();
      await client.close();
      await engines.stop();
    },
  };
}

/** The servers that were started for this run; none where the environment names others. */
function startedServers(dataDir: string): [string, number][] {
  const file = join(dataDir, 'processes.json');
  if (!existsSync(file)) return [];
  const started = JSON.parse(readFileSync(file, 'utf8')) as { name: string; pid: number }[];
  return started.map(({ name, pid }) => [name, pid]);
}

export const whole = (value: number): string => Math.round(value).toLocaleString('en');

/** The tables for people: a row for each run, and what each process used in it. */
export function printRuns(runs: readonly Measured[], bare: number): void {
  console.table(
    runs.map((run) => ({
      run: run.name,
      'bytes/item': run.bytesAnItem,
      'acked/s': whole(run.ackedPerSecond),
      'stored/s': whole(run.storedPerSecond),
      'of bare': (run.storedPerSecond / bare).toFixed(3),
      'ack p50 ms': run.p50.toFixed(1),
      'ack p99 ms': run.p99.toFixed(1),
      refused: JSON.stringify(run.refused),
    })),
  );
  for (const run of runs) {
    console.log(run.name);
    console.table(
      run.processes.map(({ process, cores, microsecondsAnItem, rssMiB }) => ({
        process,
        cores: cores.toFixed(2),
        'us CPU/item': microsecondsAnItem.toFixed(1),
        'RSS MiB': rssMiB,
      })),
    );
  }
}
