import {
  type ActivityOptions,
  ApplicationFailure,
  log,
  proxyActivities,
  proxyLocalActivities,
  setCurrentDetails,
} from '@temporalio/workflow';
import type { BatchActivities } from '../activities/batches.js';
import type { FlushResult } from '../activities/flush-result.js';
import type { FlushSummary } from '../db/claim.js';
import { SEARCH_ATTRIBUTES } from './search-attributes.js';

export interface BatchIngestInput {
  /** Flushes in the spool, each stored by itself; which ones share a run does not matter. */
  readonly flushIds: readonly string[];
}

export interface BatchIngestResult {
  readonly stored: number;
  readonly expired: number;
  /** Flushes that mongod refuses for ever: set aside with all they hold, see docs/architecture.md. */
  readonly failed: readonly string[];
}

export const batchIngestId = (firstFlushId: string): string => `batch-ingest/${firstFlushId}`;

/** Flushes of one run: it costs about as much as storing a thousand events, so it is worth filling. */
export const FLUSHES_A_RUN = 10;
const MOST_APPS_NAMED = 20;

const count = (n: number, noun: string, plural = `${noun}s`) => `${n.toLocaleString('en')} ${n === 1 ? noun : plural}`;

/** How a run for these flushes is started and shown to ops, whoever starts it. */
export function batchIngestRun(flushes: readonly FlushSummary[]) {
  const batches = flushes.reduce((sum, flush) => sum + flush.batches, 0);
  const items = flushes.reduce((sum, flush) => sum + flush.items, 0);
  const all = [...new Set(flushes.flatMap((flush) => flush.apps))];
  const apps = all.slice(0, MOST_APPS_NAMED);
  const rows = flushes.map((flush) => `| \`${flush.id}\` | ${String(flush.batches)} | ${String(flush.items)} |`);
  const input: BatchIngestInput = { flushIds: flushes.map(({ id }) => id) };
  return {
    workflowId: batchIngestId(flushes[0]?.id ?? ''),
    args: [input] as [BatchIngestInput],
    typedSearchAttributes: [
      { key: SEARCH_ATTRIBUTES.kind, value: 'batch-ingest' },
      { key: SEARCH_ATTRIBUTES.apps, value: apps },
    ],
    memo: { batches, items, flushes: flushes.length },
    staticSummary: `${count(batches, 'batch', 'batches')}, ${count(items, 'item')}, ${count(all.length, 'app')}`,
    staticDetails: [`Apps: ${apps.join(', ')}`, '', '| flush | batches | items |', '|---|---:|---:|', ...rows].join(
      '\n',
    ),
  };
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
const thorough = proxyActivities<Pick<BatchActivities, 'storeFlush'>>({
  ...patient,
  summary: 'Store one by itself, for as long as it takes',
});
const aside = proxyActivities<Pick<BatchActivities, 'failFlush'>>({ ...patient, summary: 'Set one aside' });

/** Stores what was acknowledged. What it cannot store within an hour stays in the spool, and the sweep comes again. */
export async function batchIngest({ flushIds }: BatchIngestInput): Promise<BatchIngestResult> {
  const { results, left } = await quick.storeFlushes({ flushIds }).catch((error: unknown) => ({
    results: [] as FlushResult[],
    left: flushIds.map((flushId) => ({ flushId, reason: String(error) })),
  }));

  const stored = [...results];
  const failed: string[] = [];
  for (const { flushId, reason } of left) {
    log.warn('flush takes the long way', { flushId, reason });
    try {
      stored.push(await thorough.storeFlush({ flushId }));
    } catch (error) {
      const poison = reasonOfPoison(error);
      if (poison === undefined) throw error;
      await aside.failFlush({ flushId, reason: poison });
      failed.push(flushId);
      log.error('flush set aside: its events wait for a fix and replayFailed', { flushId, reason: poison });
    }
  }

  const result = { stored: sum(stored, 'stored'), expired: sum(stored, 'expired'), failed };
  setCurrentDetails(
    `**${count(result.stored, 'item')}** stored from ${count(flushIds.length, 'flush', 'flushes')}` +
      (result.expired > 0 ? `, ${String(result.expired)} past their retention left out` : '') +
      (failed.length > 0 ? `\n\nSet aside: ${failed.join(', ')}` : ''),
  );
  return result;
}

const sum = (results: readonly FlushResult[], field: 'stored' | 'expired'): number =>
  results.reduce((total, result) => total + result[field], 0);

function reasonOfPoison(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof ApplicationFailure && cause.type === 'FLUSH_POISONED' ? cause.message : undefined;
}
