import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.mjs';
import { bringMongodb, bringTemporal } from './servers/engines.mjs';
import { takeLock } from './servers/lock.mjs';
import { followProblems } from './servers/logs.mjs';
import { withDatabase } from './servers/mongodb.mjs';
import { nodeService } from './servers/node-service.mjs';
import { readyFile, readyTable } from './servers/ready-file.mjs';
import { processRecords } from './servers/records.mjs';
import { run } from './servers/run.mjs';
import { supervise } from './servers/supervise.mjs';
import { workerDeaths } from './servers/worker-deaths.mjs';
import { keptSecretKey, readSettings } from './settings.mjs';

const DATABASE = 'experience';
/** A worker that keeps dying: what comes in is acknowledged all the same, and waits. */
const WORKER_EVERY_MS = 30_000;
/** Whoever needs others stops before them. */
const STOP_ORDER = ['api', 'worker', 'temporal', 'mongod'];

/**
 * @typedef {object} SystemOptions
 * @property {string} root of the clone
 * @property {string} cacheDir
 * @property {NodeJS.ProcessEnv} env
 * @property {(line: string) => void} say
 * @property {AbortSignal} signal that asks it to stop
 */

/**
 * Runs MongoDB, Temporal, API and worker until asked to stop, or until one of them cannot be kept alive. The worker is
 * never given up: without it the API goes on acknowledging.
 * @param {SystemOptions} options
 * @throws Error with the reason, when it could not start or could not go on
 */
export async function runSystem({ root, cacheDir, env, say, signal }) {
  const settings = readSettings(env, root);
  const { dataDir } = settings;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const lock = takeLock(join(dataDir, 'start.lock'));
  if ('heldBy' in lock) {
    const { pid, since } = lock.heldBy;
    throw new Error(
      `${dataDir} is in use by another npm start, process ${String(pid)} since ${since}.\n` +
        'Stop that one, or set DATA_DIR to another folder (and PORT to another port).',
    );
  }

  const records = processRecords(join(dataDir, 'processes.json'));
  const ready = readyFile(join(dataDir, 'ready.json'));
  const failure = new AbortController();
  const end = AbortSignal.any([signal, failure.signal]);
  /** @param {unknown} reason */
  const fail = (reason) => {
    failure.abort(reason);
  };
  process.once('uncaughtException', fail);
  /** @type {import('./servers/supervise.mjs').Supervisor[]} */
  const supervisors = [];
  /** @type {{ stop: () => void }[]} */
  const followers = [];

  /**
   * @param {import('./servers/supervise.mjs').Service} service
   * @param {import('./servers/supervise.mjs').Persistence} [persistence]
   */
  const bring = async (service, persistence) => {
    const supervisor = supervise(service, {
      say,
      records,
      ...(persistence && { persistence }),
      giveUp: (reason) => {
        fail(new Error(reason));
      },
    });
    supervisors.push(supervisor);
    await supervisor.start(end);
  };

  /** @param {{ name: string, script: string, env: NodeJS.ProcessEnv, onReady?: (message: { url?: string }) => void, persistence?: import('./servers/supervise.mjs').Persistence }} options */
  const bringOurs = async ({ persistence, ...options }) => {
    const logFile = join(dataDir, 'logs', `${options.name}.log`);
    const service = nodeService({ ...options, script: join(root, 'dist', options.script), logFile });
    followers.push(followProblems({ name: options.name, file: logFile, say }));
    await bring(service, persistence);
  };

  const start = async () => {
    ready.remove();
    await records.stopOrphans(say);
    const port = await settings.ports.api();
    const around = { env, cacheDir, say, signal: end, dataDir, bring };

    const gettingMongodb = bringMongodb({
      ...around,
      given: settings.mongodbUrl,
      port: settings.ports.mongodb,
      cacheGb: settings.cacheGb,
    });
    const gettingTemporal = bringTemporal({ ...around, given: settings.temporalAddress, ports: settings.ports });
    const building = build({ root, cacheDir, say, signal: end });

    const preparing = async () => {
      const [url] = await Promise.all([gettingMongodb, building]);
      const shared = {
        ...env,
        MONGODB_URL: withDatabase(url, DATABASE),
        TEMPORAL_NAMESPACE: env['TEMPORAL_NAMESPACE'] ?? 'default',
        SECRET_KEY: settings.secretKey ?? keptSecretKey(dataDir),
        HOST: settings.host,
        PORT: String(port),
        WORKFLOW_BUNDLE: join(root, 'dist', 'workflow-bundle.js'),
      };
      return { shared, first: await firstRun({ root, env: shared, signal: end }) };
    };
    const all = /** @type {const} */ ([preparing(), gettingTemporal, gettingMongodb, building]);
    const [{ shared, first }, { address, uiUrl }] = await together(all, fail);

    const files = { notesFile: join(dataDir, 'worker-activities'), statusFile: join(dataDir, 'worker-status.json') };
    const deaths = workerDeaths(files);
    deaths.starting();
    const oursEnv = {
      ...shared,
      TEMPORAL_ADDRESS: address,
      ACTIVITY_NOTES_FILE: files.notesFile,
      WORKER_STATUS_FILE: files.statusFile,
    };
    let apiUrl = `http://127.0.0.1:${String(port)}`;
    const onReady = (/** @type {{ url?: string }} */ { url }) => {
      apiUrl = url ?? apiUrl;
    };
    await together(
      [
        bringOurs({ name: 'api', script: 'api/main.js', env: oursEnv, onReady }),
        bringOurs({
          name: 'worker',
          script: 'worker/main.js',
          env: oursEnv,
          persistence: { everyMs: WORKER_EVERY_MS, ...deaths },
        }),
      ],
      fail,
    );
    const { dsnId, ...demo } = first.demo;
    return {
      pid: process.pid,
      apiUrl,
      temporalUiUrl: uiUrl ?? settings.temporalUiUrl,
      temporalAddress: address,
      mongodbUrl: shared.MONGODB_URL,
      ownerToken: first.ownerToken,
      demo: { ...demo, dsn: `http://${demo.apiKey}@127.0.0.1:${String(port)}/${String(dsnId)}` },
    };
  };

  try {
    const running = await start();
    end.throwIfAborted();
    ready.write(running);
    say('ready. Ctrl-C stops everything.');
    console.log(`\n${readyTable(running)}\n`);
    await new Promise((resolve) => {
      end.addEventListener('abort', resolve, { once: true });
      if (end.aborted) resolve(undefined);
    });
    if (failure.signal.aborted) throw failure.signal.reason;
  } finally {
    ready.remove();
    if (supervisors.length > 0) say('stopping');
    for (const name of STOP_ORDER) await supervisors.find((supervisor) => supervisor.name === name)?.stop();
    for (const follower of followers) follower.stop();
    lock.release();
    say('stopped');
  }
}

/**
 * All of them, or the first failure; then the others are told and waited for, so that nothing goes on behind our back.
 * @template {readonly unknown[]} T
 * @param {{ [K in keyof T]: Promise<T[K]> }} tasks
 * @param {(reason: unknown) => void} fail
 * @returns {Promise<T>}
 */
async function together(tasks, fail) {
  /** @type {Promise<any>} */
  const all = Promise.all(tasks);
  try {
    return await all;
  } catch (error) {
    fail(error);
    await Promise.allSettled(tasks);
    throw error;
  }
}

/**
 * Makes the first owner and the demo app, or names them again.
 * @param {{ root: string, env: NodeJS.ProcessEnv, signal: AbortSignal }} options
 * @returns {Promise<{ ownerToken: string, demo: { appId: string, apiKey: string, serverKey: string, dsnId: number } }>}
 */
async function firstRun({ root, env, signal }) {
  const script = join(root, 'dist', 'api', 'first-run.js');
  const output = await run(process.execPath, ['--enable-source-maps', script], { env, signal, boundMs: 60_000 });
  const line = output.split('\n').find((text) => text.includes('"ownerToken"'));
  if (line === undefined) throw new Error(`${script} did not say who the owner is:\n${output}`);
  return JSON.parse(line);
}
