import { rootCause } from '@temporalio/common';
import {
  type ActivityOptions,
  ApplicationFailure,
  isCancellation,
  log,
  patched,
  proxyActivities,
  proxyLocalActivities,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import type { BatchActivities, StoreFlushesResult } from '../activities/batches.js';
import type { FlushResult } from '../activities/flush-result.js';
import type { WaitingFlushActivities } from '../activities/waiting-flushes.js';
import type { FlushSummary } from '../db/claim.js';
import { SEARCH_ATTRIBUTES } from './search-attributes.js';

export interface BatchIngestInput {
  /** Flushes in the spool, each stored by itself; which ones share a run does not matter. */
  readonly flushIds: readonly string[];
  /** A run has failed on them before: this one gives up sooner, so that the next in line has its turn. */
  readonly failedBefore?: boolean;
}

export interface BatchIngestResult {
  readonly stored: number;
  readonly expired: number;
  /** Items that MongoDB does not take: set aside in `refused_items`. Absent where there are none. */
  readonly refused?: number;
  /** Flushes whose bytes cannot be read: set aside with all they hold, see docs/architecture.md. */
  readonly failed: readonly string[];
}

export const batchIngestId = (firstFlushId: string): string => `batch-ingest/${firstFlushId}`;

/** Flushes of one run: it costs about as much as storing a thousand events, so it is worth filling. */
export const FLUSHES_A_RUN = 10;
const MOST_APPS_NAMED = 20;
const LONGEST_REASON = 500;
/** Longer than all that a run may wait for. One that cannot go on, for what reason ever, must not hold its flushes. */
const LONGEST_RUN = '3 hours';

const count = (n: number, noun: string, plural = `${noun}s`) => `${n.toLocaleString('en')} ${n === 1 ? noun : plural}`;

/** How a run for these flushes is started and shown to ops, whoever starts it. */
export function batchIngestRun(flushes: readonly FlushSummary[], failedBefore = false) {
  const batches = flushes.reduce((sum, flush) => sum + flush.batches, 0);
  const items = flushes.reduce((sum, flush) => sum + flush.items, 0);
  const all = [...new Set(flushes.flatMap((flush) => flush.apps))];
  const apps = all.slice(0, MOST_APPS_NAMED);
  const rows = flushes.map((flush) => `| \`${flush.id}\` | ${String(flush.batches)} | ${String(flush.items)} |`);
  const flushIds = flushes.map(({ id }) => id);
  const input: BatchIngestInput = { flushIds, ...(failedBefore && { failedBefore }) };
  return {
    workflowId: batchIngestId(flushIds[0] ?? ''),
    workflowRunTimeout: LONGEST_RUN,
    args: [input] as [BatchIngestInput],
    typedSearchAttributes: [
      { key: SEARCH_ATTRIBUTES.kind, value: 'batch-ingest' },
      { key: SEARCH_ATTRIBUTES.apps, value: apps },
    ],
    memo: { batches, items, flushes: flushes.length, flushIds },
    staticSummary: `${count(batches, 'batch', 'batches')}, ${count(items, 'item')}, ${count(all.length, 'app')}`,
    staticDetails: [`Apps: ${apps.join(', ')}`, '', '| flush | batches | items |', '|---|---:|---:|', ...rows].join(
      '\n',
    ),
  };
}

/** The flushes of a listed run, by its memo. Runs of older code name none there. */
export function flushIdsOf(memo: Readonly<Record<string, unknown>> | undefined): readonly string[] {
  const flushIds = memo?.['flushIds'];
  return Array.isArray(flushIds) ? flushIds.filter((each) => typeof each === 'string') : [];
}

const quick = proxyLocalActivities<Pick<BatchActivities, 'storeFlushes'>>({
  startToCloseTimeout: '8 seconds',
  summary: 'Store them all, quickly',
  retry: { maximumAttempts: 1 },
});
const patient: ActivityOptions = {
  startToCloseTimeout: '2 minutes',
  scheduleToCloseTimeout: '1 hour',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute' },
};
const lessPatient: ActivityOptions = { ...patient, scheduleToCloseTimeout: '5 minutes' };
const byItself = { summary: 'Store one by itself, for as long as it takes' };
const thorough = proxyActivities<Pick<BatchActivities, 'storeFlush'>>({ ...patient, ...byItself });
const thoroughAgain = proxyActivities<Pick<BatchActivities, 'storeFlush'>>({ ...lessPatient, ...byItself });
const aside = proxyActivities<Pick<BatchActivities, 'failFlush'>>({ ...patient, summary: 'Set one aside' });
const noting = proxyActivities<Pick<WaitingFlushActivities, 'recordFailedRun'>>({
  ...lessPatient,
  summary: 'Note what is not stored',
});

type Left = StoreFlushesResult['left'][number];

/**
 * Stores what was acknowledged. What it cannot store in the time it has stays in the spool: the run fails and names it,
 * and the sweep comes again.
 */
export async function batchIngest({ flushIds, failedBefore = false }: BatchIngestInput): Promise<BatchIngestResult> {
  const { results, left } = await quick.storeFlushes({ flushIds }).catch((error: unknown) => ({
    results: [] as FlushResult[],
    left: flushIds.map((flushId) => ({ flushId, reason: String(error) })),
  }));

  const ends = await takeTheLongWay(left, failedBefore ? thoroughAgain : thorough);
  const stored = [...results, ...ends.stored];
  const { failed, unstored } = ends;
  const refused = sum(stored, 'refused');
  const result = {
    stored: sum(stored, 'stored'),
    expired: sum(stored, 'expired'),
    ...(refused > 0 && { refused }),
    failed,
  };
  if (refused > 0)
    log.error('MongoDB refused items: they wait in refused_items for a fix and replayFailed', { refused });
  setCurrentDetails(
    `**${count(result.stored, 'item')}** stored from ${count(flushIds.length, 'flush', 'flushes')}` +
      (result.expired > 0 ? `, ${String(result.expired)} past their retention left out` : '') +
      (refused > 0 ? `, ${String(refused)} that MongoDB refuses set aside` : '') +
      (failed.length > 0 ? `\n\nSet aside: ${failed.join(', ')}` : '') +
      unstored.map(({ flushId, reason }) => `\n\nNot stored: ${flushId} (${reason})`).join(''),
  );
  if (unstored.length > 0) await giveUp(unstored, flushIds.length);
  return result;
}

/**
 * All at once: each may take its whole hour, and would make those behind it wait for as long. How many are really at
 * work together, over all runs, is bounded by the worker.
 */
async function takeTheLongWay(left: readonly Left[], { storeFlush }: typeof thorough) {
  const stored: FlushResult[] = [];
  const failed: string[] = [];
  const unstored: Left[] = [];
  const takeOne = async ({ flushId, reason }: Left): Promise<void> => {
    log.warn('flush takes the long way', { flushId, reason });
    try {
      stored.push(await storeFlush({ flushId }));
    } catch (error) {
      const poison = reasonOfPoison(error);
      if (poison === undefined) throw error;
      await aside.failFlush({ flushId, reason: poison });
      failed.push(flushId);
      log.error('flush set aside: its events wait for a fix and replayFailed', { flushId, reason: poison });
    }
  };
  const takeOneOfMany = async (one: Left): Promise<void> => {
    try {
      await takeOne(one);
    } catch (error) {
      if (isCancellation(error)) throw error;
      unstored.push({ flushId: one.flushId, reason: (rootCause(error) ?? String(error)).slice(0, LONGEST_REASON) });
    }
  };

  if (left.length > 0 && patched('long-way-at-once')) await Promise.all(left.map(takeOneOfMany));
  else for (const one of left) await takeOne(one);
  return { stored, failed, unstored };
}

/** Fails the run. From now on the sweep tries these flushes each in a run of its own. */
async function giveUp(unstored: readonly Left[], of: number): Promise<never> {
  try {
    await noting.recordFailedRun({ runId: workflowInfo().runId, left: unstored });
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('not noted that these flushes failed: the sweep will try them with others', { error: String(error) });
  }
  const names = unstored.map(({ flushId, reason }) => `${flushId} (${reason})`).join(', ');
  log.error('flushes not stored: they stay in the spool, and the sweep tries them again', { unstored });
  throw ApplicationFailure.nonRetryable(
    `not stored, of ${count(of, 'flush', 'flushes')}: ${names}`,
    'FLUSHES_LEFT',
    unstored,
  );
}

const sum = (results: readonly FlushResult[], field: 'stored' | 'expired' | 'refused'): number =>
  results.reduce((total, result) => total + (result[field] ?? 0), 0);

function reasonOfPoison(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof ApplicationFailure && cause.type === 'FLUSH_POISONED' ? cause.message : undefined;
}
