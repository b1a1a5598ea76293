import { Client } from '@temporalio/client';
import { DefaultLogger, type LogEntry, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { batchDeps } from '../activities/batch-deps.js';
import { alertDeps } from '../activities/alert-deps.js';
import { errorGroupDeps } from '../activities/error-group-deps.js';
import { flagLifeDeps } from '../activities/flag-life-deps.js';
import { flagRolloutDeps } from '../activities/flag-rollout-deps.js';
import { flagSetDeps } from '../activities/flag-set-deps.js';
import { activities } from '../activities/index.js';
import { readConfig } from '../config.js';
import { openDatabase } from '../db/open.js';
import { TASK_QUEUE } from '../domain/task-queue.js';
import { lastNet, processLog, tellParent } from '../last-net.js';
import { activityNotes } from './activity-notes.js';
import { activityWatch } from './activity-watch.js';
import { alertWakes } from './alert-wakes.js';
import { failureInterceptor } from './failure-interceptor.js';
import { flagWakes } from './flag-wakes.js';
import { openFlushes } from './open-flushes.js';
import { pastDeaths, refusals } from './past-deaths.js';
import { ensureSchedules, SCHEDULES } from './schedules.js';
import { registerSearchAttributes } from './search-attributes.js';

const config = readConfig(process.env);
const log = processLog({ name: 'worker', level: config.logLevel });

const { activityNotesFile } = config;
const refused =
  activityNotesFile === undefined ? new Map<string, number>() : refusals(pastDeaths(activityNotesFile, Date.now()));
const notes =
  activityNotesFile === undefined
    ? undefined
    : activityNotes(activityNotesFile, (err) => log.warn({ err }, 'running activities are not noted'));
const watch = activityWatch({ notes, refused });
lastNet({ log, doing: watch.doing });
for (const [suspect, until] of refused)
  log.error(
    { suspect, until: new Date(until) },
    `${suspect} was running whenever this worker died lately: refused for a while`,
  );

/** Temporal's own lines, with workflow and run ids, in the form of ours. */
const logger = new DefaultLogger('INFO', ({ level, message, meta }: LogEntry) => {
  const at = ({ TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const)[level];
  log[at]({ ...meta }, message);
});
Runtime.install({ shutdownSignals: [], logger });

const { client, db, lanes } = await openDatabase({
  url: config.mongodbUrl,
  appName: 'experience-worker',
  serverSelectionTimeoutMS: 10_000,
  socketTimeoutMS: 60_000,
});

const address = config.temporalAddress;
const connection = await NativeConnection.connect(address === undefined ? {} : { address });
const namespace = config.temporalNamespace;
await registerSearchAttributes(connection, namespace);

const temporal = new Client({ connection, namespace });
const { onAlerts, ...wakes } = alertWakes({ client: temporal, log });
const setWakes = flagWakes({ client: temporal });

const worker = await Worker.create({
  connection,
  namespace,
  taskQueue: TASK_QUEUE,
  activities: activities({
    ...batchDeps({ client, db, lanes, onAlerts }),
    openFlushes: openFlushes({ client: temporal, log }),
    ...alertDeps({ client, db, ...config, ...wakes }),
    ...errorGroupDeps({ client, db }),
    ...flagSetDeps({ client, db, ...setWakes }),
    ...flagRolloutDeps({ client, db, onAlerts, ...setWakes }),
    ...flagLifeDeps({ client, db, ...setWakes }),
  }),
  ...(config.workflowBundle === undefined
    ? { workflowsPath: new URL('../workflows/index.js', import.meta.url).pathname }
    : { workflowBundle: { codePath: config.workflowBundle } }),
  interceptors: { activity: [watch.interceptor, () => ({ inbound: failureInterceptor })] },
  // For two cores; the cache is bounded since its default follows the size of the heap.
  maxConcurrentWorkflowTaskExecutions: 40,
  maxConcurrentActivityTaskExecutions: 20,
  maxConcurrentLocalActivityExecutions: 20,
  maxCachedWorkflows: 300,
  // Else a heartbeat is held back for 0.8 of its timeout, and a busy second later the activity counts as dead.
  maxHeartbeatThrottleInterval: '3s',
  shutdownGraceTime: '10s',
  shutdownForceTime: '15s',
});
await ensureSchedules(temporal, SCHEDULES);

let stopping = false;
function stop(reason: string): void {
  if (stopping) return;
  stopping = true;
  log.info({ reason }, 'stopping');
  notes?.forget();
  worker.shutdown();
}
process.on('SIGTERM', () => stop('SIGTERM'));
process.on('SIGINT', () => stop('SIGINT'));
// Whoever started us is gone, and nobody else would stop us.
process.on('disconnect', () => stop('the parent process is gone'));
if (process.send !== undefined && !process.connected) process.exit(0);

const running = worker.run();
tellParent({ type: 'ready' });
// A worker that cannot go on must not stay half alive: the rejection ends the process.
await running;
await connection.close();
await client.close();
log.info('stopped');
process.exit(0);
