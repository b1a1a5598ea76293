import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { DeliveryActivities } from '../activities/alert-deliveries.js';
import type { AlertActivities } from '../activities/alerts.js';
import type { BatchActivities } from '../activities/batches.js';
import type { ErrorGroupActivities } from '../activities/error-groups.js';
import type { WatchActivities } from '../activities/error-watch.js';
import type { FlagRolloutActivities } from '../activities/flag-rollouts.js';
import type { FlagPreviewActivities } from '../activities/flag-previews.js';
import type { FlagRequestActivities } from '../activities/flag-requests.js';
import type { FlagStaleActivities } from '../activities/flag-stale.js';
import type { FlagUsageActivities } from '../activities/flag-usage.js';
import type { FlagDriftActivities } from '../activities/flag-drift.js';
import type { FlagSetActivities } from '../activities/flag-sets.js';
import type { RetentionActivities } from '../activities/retention.js';
import type { WaitingFlushActivities } from '../activities/waiting-flushes.js';
import { registerSearchAttributes } from '../worker/search-attributes.js';
import { alertDelivery, alertDeliveryRun } from '../workflows/alert-delivery.js';
import { ALERT_DISPATCH_ID, alertDispatch, alertDispatchWake } from '../workflows/alert-dispatch.js';
import { batchIngest, batchIngestRun } from '../workflows/batch-ingest.js';
import { ERROR_WATCH_ID, errorWatch } from '../workflows/error-watch.js';
import { retention, RETENTION_ID } from '../workflows/retention.js';
import { SEARCH_ATTRIBUTES } from '../workflows/search-attributes.js';
import { SPOOL_SWEEP_ID, spoolSweep } from '../workflows/spool-sweep.js';
import { build } from './build.mjs';
import { recordFlags } from './record-flags.js';
import { recordFlagSets } from './record-flag-sets.js';
import { recordGroups } from './record-groups.js';
import { recordRollouts } from './record-rollouts.js';
import { cacheDirOf } from './servers/cache.mjs';
import { temporaryEngines } from './servers/temporary.mjs';

// npm run record:histories: runs every workflow on a Temporal of its own, each along its ways, and writes down what
// happened. To be run when a workflow is added or changed for good, never to make a failing replay pass. With names,
// only histories that begin with one of them: npm run record:histories -- alert
// What only code of before could do, and `patched` still can, stands in the folder "patched": it is never recorded again.

type Activities = BatchActivities &
  WaitingFlushActivities &
  RetentionActivities &
  AlertActivities &
  DeliveryActivities &
  ErrorGroupActivities &
  FlagRolloutActivities &
  FlagSetActivities &
  FlagDriftActivities &
  FlagPreviewActivities &
  FlagRequestActivities &
  FlagStaleActivities &
  FlagUsageActivities &
  WatchActivities;

const root = join(import.meta.dirname, '..');
const folder = join(root, 'test', 'histories');
const wanted = process.argv.slice(2);
const isWanted = (name: string): boolean => wanted.length === 0 || wanted.some((each) => name.startsWith(each));
const say = (line: string): void => console.error(line);
const around = { root, cacheDir: cacheDirOf(process.env), say, signal: new AbortController().signal };
const kept = (kind: string) => [{ key: SEARCH_ATTRIBUTES.kind, value: kind }];

await build(around);
const engines = await temporaryEngines({ ...around, env: process.env, died: say });
Runtime.install({ shutdownSignals: [], logger: new DefaultLogger('ERROR') });
const connection = await NativeConnection.connect({ address: engines.temporalAddress });
const client = new Client({ connection, identity: 'recorder' });
mkdirSync(folder, { recursive: true });
for (const file of readdirSync(folder)) if (file.endsWith('.json') && isWanted(file)) rmSync(join(folder, file));
try {
  await registerSearchAttributes(connection, 'default');
  await recordAll();
  await recordAlerts();
  await recordGroups({ client, record });
  await recordFlags({ client, record });
  await recordFlagSets({ client, record });
  await recordRollouts({ client, record });
} finally {
  await connection.close();
  await engines.stop();
}
process.exit();

async function recordAll(): Promise<void> {
  const stored = (flushId: string) => ({ flushId, state: 'stored' as const, stored: 20, expired: 0 });
  const waiting = (id: string) => ({ id, batches: 3, items: 20, apps: ['shop'] });
  const left = (flushId: string) => ({ flushId, reason: 'no time left' });
  const storeFlushes: Activities['storeFlushes'] = async ({ flushIds }) => ({
    results: flushIds.map(stored),
    left: [],
  });

  const ingest = (flushIds: readonly string[]) => async (taskQueue: string) => {
    const handle = await client.workflow.start(batchIngest, { ...batchIngestRun(flushIds.map(waiting)), taskQueue });
    // Whether it fails or not is part of the history.
    await handle.result().catch(() => undefined);
    return handle.workflowId;
  };
  await record('batch-ingest.quick', { storeFlushes }, ingest(['F1', 'F2', 'F3']));
  await record(
    'batch-ingest.long',
    { storeFlushes: () => Promise.reject(failure('no MongoDB')), storeFlush: async ({ flushId }) => stored(flushId) },
    ingest(['G1', 'G2']),
  );
  await record(
    'batch-ingest.poison',
    {
      storeFlushes: async () => ({ results: [stored('H1')], left: [left('H2'), left('H3')] }),
      storeFlush: ({ flushId }) =>
        flushId === 'H3'
          ? Promise.resolve(stored(flushId))
          : Promise.reject(failure('mongod refuses H2', { type: 'FLUSH_POISONED', nonRetryable: true })),
      failFlush: async () => undefined,
    },
    ingest(['H1', 'H2', 'H3']),
  );

  await record(
    'batch-ingest.left',
    {
      storeFlushes: async () => ({ results: [stored('I1')], left: [left('I2'), left('I3')] }),
      storeFlush: ({ flushId }) =>
        flushId === 'I3'
          ? Promise.resolve(stored(flushId))
          : Promise.reject(failure('no memory left', { nonRetryable: true })),
      recordFailedRun: async () => undefined,
    },
    ingest(['I1', 'I2', 'I3']),
  );

  const sweep = (flushIds: readonly string[]) => async (taskQueue: string) => {
    const handle = await client.workflow.start(spoolSweep, {
      taskQueue,
      workflowId: `${SPOOL_SWEEP_ID}-${String(flushIds.length)}`,
      args: [{}],
      typedSearchAttributes: kept(SPOOL_SWEEP_ID),
    });
    await handle.result();
    return handle.workflowId;
  };
  const found = Array.from({ length: 12 }, (_, index) => `S${String(index).padStart(2, '0')}`);
  await record('spool-sweep.nothing', { findWaiting: async () => [] }, sweep([]));
  await record('spool-sweep.findings', { findWaiting: async () => found.map(waiting), storeFlushes }, sweep(found));
  const failedBefore = (id: string) => ({ ...waiting(id), failedBefore: true });
  const alone = ['T00', 'T01', 'T02'];
  await record(
    'spool-sweep.failed-before',
    { findWaiting: async () => [waiting('T00'), failedBefore('T01'), failedBefore('T02')], storeFlushes },
    sweep(alone),
  );

  await record(
    'retention',
    {
      keepRetentionBounds: async () => ({ events: 90, heatmapEvents: 30 }),
      sweepRetention: async () => ({ apps: 2, swept: [{ appId: 'shop', events: 12, heatmapEvents: 3, errors: 0 }] }),
    },
    async (taskQueue) => {
      const options = { taskQueue, workflowId: RETENTION_ID, typedSearchAttributes: kept(RETENTION_ID) };
      await client.workflow.execute(retention, { ...options, args: [{}] });
      return RETENTION_ID;
    },
  );
}

async function recordAlerts(): Promise<void> {
  const deliver =
    (id: string, more: object = {}) =>
    async (taskQueue: string) => {
      const run = alertDeliveryRun(
        { deliveryId: id, retry: { initial: 100, maximum: 100, giveUp: 1_500 }, ...more },
        'shop',
      );
      const handle = await client.workflow.start(alertDelivery, { ...run, taskQueue });
      await handle.result();
      return handle.workflowId;
    };
  const refuse = () => Promise.reject(failure('answered 503', { type: 'UNAVAILABLE' }));
  await record('alert-delivery.delivered', { attemptDelivery: async () => 'delivered' }, deliver('D1'));
  await record(
    'alert-delivery.given-up',
    { attemptDelivery: refuse, failDelivery: async () => undefined },
    deliver('D2'),
  );
  await record(
    'alert-delivery.replayed',
    { attemptDelivery: async () => 'failed', reopenDelivery: async () => undefined },
    deliver('D3', { replay: true }),
  );

  let rounds = 2;
  await record(
    'alert-dispatch',
    {
      openAlerts: async () => ({
        alertIds: ['A'],
        deliveries: ['E1', 'E2'].map((id) => ({ id: `${id}-${String(rounds)}`, app: 'shop' })),
        more: rounds-- > 0,
      }),
      closeAlerts: async () => undefined,
      attemptDelivery: async () => 'delivered',
    },
    async (taskQueue) => {
      const handle = await client.workflow.signalWithStart(alertDispatch, { ...alertDispatchWake, taskQueue });
      await handle.result();
      return ALERT_DISPATCH_ID;
    },
  );

  await record(
    'error-watch',
    { wakeAlerts: async () => true, watchErrors: async () => ({ groups: 12, alerts: 1 }) },
    async (taskQueue) => {
      const options = { taskQueue, workflowId: ERROR_WATCH_ID, typedSearchAttributes: kept(ERROR_WATCH_ID) };
      await client.workflow.execute(errorWatch, options);
      return ERROR_WATCH_ID;
    },
  );
}

/** Without a stack, which would name the folders of the machine that recorded it. */
function failure(message: string, options: { type?: string; nonRetryable?: boolean } = {}): ApplicationFailure {
  const error = ApplicationFailure.create({ message, ...options });
  error.stack = '';
  return error;
}

async function record(
  name: string,
  activities: Partial<Activities>,
  run: (taskQueue: string) => Promise<string>,
): Promise<void> {
  if (!isWanted(name)) return;
  const taskQueue = `record-${name}`;
  const worker = await Worker.create({
    connection,
    taskQueue,
    identity: 'recorder',
    workflowBundle: { codePath: join(root, 'dist', 'workflow-bundle.js') },
    activities,
  });
  const workflowId = await worker.runUntil(run(taskQueue));
  const history = await client.workflow.getHandle(workflowId).fetchHistory();
  const text = JSON.stringify(JSON.parse(historyToJSON(history)), null, 2);
  writeFileSync(join(folder, `${name}.json`), `${text.replaceAll(root, '')}\n`);
  say(`${name}: ${String(history.events?.length)} events`);
}
