import {
  ApplicationFailure,
  log,
  proxyActivities,
  proxyLocalActivities,
  setCurrentDetails,
} from '@temporalio/workflow';
import type { BatchActivities, FlushResult } from '../activities/batches.js';

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

const quick = proxyLocalActivities<Pick<BatchActivities, 'storeFlushes'>>({
  startToCloseTimeout: '8 seconds',
  retry: { maximumAttempts: 1 },
});
const thorough = proxyActivities<Pick<BatchActivities, 'storeFlush' | 'failFlush'>>({
  startToCloseTimeout: '2 minutes',
  scheduleToCloseTimeout: '1 hour',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute' },
});

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
      await thorough.failFlush({ flushId, reason: poison });
      failed.push(flushId);
      log.error('flush set aside: its events wait for a fix and replayFailed', { flushId, reason: poison });
    }
  }

  const result = { stored: sum(stored, 'stored'), expired: sum(stored, 'expired'), failed };
  setCurrentDetails(
    `**${String(result.stored)}** items stored from ${String(flushIds.length)} flushes` +
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
