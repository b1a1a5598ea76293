import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDirOf } from '../../scripts/servers/cache.mjs';
import { takeLock } from '../../scripts/servers/lock.mjs';
import { findMongod } from '../../scripts/servers/mongod-binary.mjs';
import { mongodb } from '../../scripts/servers/mongodb.mjs';
import { freePort } from '../../scripts/servers/ports.mjs';
import { type Launched, stop } from '../../scripts/servers/process.mjs';
import { processRecords } from '../../scripts/servers/records.mjs';
import type { Service } from '../../scripts/servers/supervise.mjs';
import { temporal } from '../../scripts/servers/temporal.mjs';
import { findTemporal } from '../../scripts/servers/temporal-binary.mjs';

const LAST_WORDS = 2000;
const signal = new AbortController().signal;
const around = { env: process.env, cacheDir: cacheDirOf(process.env), say: () => undefined, signal };

/** A folder for processes of a test: named and locked so that the next `npm test` cleans up after one that was killed. */
export function processFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'experience-temporary-'));
  const lock = takeLock(join(folder, 'start.lock'));
  const records = processRecords(join(folder, 'processes.json'));
  return {
    folder,
    records,
    remove(): void {
      if ('release' in lock) lock.release();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export type ProcessFolder = ReturnType<typeof processFolder>;

/** A process that a test starts, kills and starts again; nobody restarts it behind the test's back. */
export function controlled(service: Service, { records }: ProcessFolder) {
  let running: Launched | undefined;
  const current = (): Launched => {
    if (running === undefined) throw new Error(`${service.name} is not running`);
    return running;
  };
  return {
    async start(): Promise<void> {
      const launched = service.launch();
      running = launched;
      records.add(service.name, launched.pid);
      void launched.ended.then(() => records.remove(launched.pid));
      const died = launched.ended.then((how) => {
        throw new Error(
          `${service.name} did not start (${how}):\n${readFileSync(launched.logFile).subarray(launched.logOffset).toString().slice(-LAST_WORDS)}`,
        );
      });
      await Promise.race([service.ready(launched, signal), died]);
    },
    pid: (): number => current().pid,
    /** Sends it a signal and resolves with how it ended. */
    async kill(how: NodeJS.Signals): Promise<string> {
      const launched = current();
      running = undefined;
      process.kill(launched.pid, how);
      return launched.ended;
    },
    /** Stops it if it runs. */
    async stop(): Promise<void> {
      if (running !== undefined) await stop(running, service.stopBoundMs);
      running = undefined;
    },
  };
}

export const mongodBinary = async (): Promise<string> => (await findMongod(around)).path;
export const temporalBinary = async (): Promise<string> => (await findTemporal(around)).path;

/** MongoDB and Temporal of a test's own, which it may stop and start. */
export async function ownEngines(processes: ProcessFolder) {
  const [mongod, server] = await Promise.all([mongodBinary(), temporalBinary()]);
  const mongodService = mongodb({
    binary: mongod,
    folder: join(processes.folder, 'mongodb'),
    port: await freePort(),
    logFile: join(processes.folder, 'mongod.log'),
    cacheGb: 0.5,
  });
  const temporalService = temporal({
    binary: server,
    file: join(processes.folder, 'temporal', 'temporal.db'),
    logFile: join(processes.folder, 'temporal.log'),
    ports: { grpc: await freePort(), ui: await freePort(), http: await freePort(), metrics: await freePort() },
  });
  const engines = {
    mongodbUrl: mongodService.url,
    temporalAddress: temporalService.address,
    mongod: controlled(mongodService, processes),
    temporal: controlled(temporalService, processes),
  };
  await Promise.all([engines.mongod.start(), engines.temporal.start()]);
  return engines;
}

export type OwnEngines = Awaited<ReturnType<typeof ownEngines>>;
