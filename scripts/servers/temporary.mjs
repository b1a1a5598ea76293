import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { bringMongodb, bringTemporal } from './engines.mjs';
import { takeLock } from './lock.mjs';
import { freePort } from './ports.mjs';
import { processRecords } from './records.mjs';
import { supervise } from './supervise.mjs';

const PREFIX = 'experience-temporary-';

/**
 * MongoDB and Temporal for a while: those that the environment names, else our own on free ports with data that goes
 * when they stop. They are not restarted: whoever measures or tests wants to know.
 * @param {{ env: NodeJS.ProcessEnv, cacheDir: string, say: (line: string) => void, signal: AbortSignal, died: (reason: string) => void, cacheGb?: number }} options
 */
export async function temporaryEngines({ env, cacheDir, say, signal, died, cacheGb = 1 }) {
  await sweep(say);
  const dataDir = mkdtempSync(join(tmpdir(), PREFIX));
  const lock = takeLock(join(dataDir, 'start.lock'));
  const records = processRecords(join(dataDir, 'processes.json'));
  const failed = new AbortController();
  /** @type {import('./supervise.mjs').Supervisor[]} */
  const supervisors = [];

  const stop = async () => {
    await Promise.all(supervisors.map((supervisor) => supervisor.stop()));
    if ('release' in lock) lock.release();
    rmSync(dataDir, { recursive: true, force: true });
  };
  const around = {
    env,
    cacheDir,
    say,
    dataDir,
    signal: AbortSignal.any([signal, failed.signal]),
    bring: async (/** @type {import('./supervise.mjs').Service} */ service) => {
      const supervisor = supervise(service, { say, records, giveUp: died, deaths: 1 });
      supervisors.push(supervisor);
      await supervisor.start(around.signal);
    },
  };
  /** @param {string} name */
  const given = (name) => (env[name] === '' ? undefined : env[name]);
  const ports = { temporal: freePort, temporalUi: freePort, other: freePort };
  const all = [
    bringMongodb({ ...around, given: given('MONGODB_URL'), port: freePort, cacheGb }),
    bringTemporal({ ...around, given: given('TEMPORAL_ADDRESS'), ports }).then(({ address }) => address),
  ];
  try {
    const [mongodbUrl = '', temporalAddress = ''] = await Promise.all(all);
    return { mongodbUrl, temporalAddress, dataDir, stop };
  } catch (error) {
    failed.abort(error);
    await Promise.allSettled(all);
    await stop();
    throw error;
  }
}

/**
 * Stops and removes what runs that were killed have left.
 * @param {(line: string) => void} say
 */
async function sweep(say) {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(PREFIX))) {
    const folder = join(tmpdir(), name);
    if (statSync(folder, { throwIfNoEntry: false })?.uid !== userInfo().uid) continue;
    // A folder without a lock may belong to a run that has just made it.
    if (!existsSync(join(folder, 'start.lock'))) continue;
    const lock = takeLock(join(folder, 'start.lock'));
    if (!('release' in lock)) continue;
    await processRecords(join(folder, 'processes.json')).stopOrphans(say);
    rmSync(folder, { recursive: true, force: true });
  }
}
