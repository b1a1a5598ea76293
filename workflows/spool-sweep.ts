import { ParentClosePolicy, proxyActivities, setCurrentDetails, startChild } from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { WaitingFlushActivities } from '../activities/waiting-flushes.js';
import { batchIngest, batchIngestRun, FLUSHES_A_RUN } from './batch-ingest.js';

export interface SpoolSweepInput {
  /** Puts flushes that were set aside back in line; for ops, after the cause is mended. */
  readonly replayFailed?: boolean;
}

export const SPOOL_SWEEP_ID = 'spool-sweep';

const OLDER_THAN_MS = 60_000;
const RUNS_A_SWEEP = 20;
/**
 * Of flushes that a run has failed on, each with a run of its own: those that fail for ever come to a few tries a
 * second, and in five minutes the next have their turn.
 */
const MOST_FAILED_BEFORE = 100;

const { findWaiting } = proxyActivities<Pick<WaitingFlushActivities, 'findWaiting'>>({
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: '5 minutes',
  summary: 'Find flushes that wait for more than a minute',
});

/**
 * Finds acknowledged flushes that nobody has stored, after a lost start or a death, and starts `batchIngest` for them.
 * One that a run has failed on before stands alone, so that it is in nobody's way.
 */
export async function spoolSweep({ replayFailed = false }: SpoolSweepInput): Promise<number> {
  const limit = FLUSHES_A_RUN * RUNS_A_SWEEP;
  const waiting = await findWaiting({
    olderThanMs: OLDER_THAN_MS,
    limit,
    mostFailedBefore: MOST_FAILED_BEFORE,
    replayFailed,
  });
  const fresh = waiting.filter(({ failedBefore }) => failedBefore !== true);
  const failedBefore = waiting.filter((flush) => flush.failedBefore === true);

  for (let at = 0; at < fresh.length; at += FLUSHES_A_RUN) {
    await startRun(batchIngestRun(fresh.slice(at, at + FLUSHES_A_RUN)));
  }
  for (const flush of failedBefore) await startRun(batchIngestRun([flush], true));
  setCurrentDetails(
    `Flushes that were waiting for more than a minute: **${String(waiting.length)}**, ` +
      `of which a run had failed on ${String(failedBefore.length)}`,
  );
  return waiting.length;
}

async function startRun(run: ReturnType<typeof batchIngestRun>): Promise<void> {
  try {
    await startChild(batchIngest, { ...run, parentClosePolicy: ParentClosePolicy.ABANDON });
  } catch (error) {
    // Begun in this moment: the run that works on them will finish or give up, and the next sweep looks again.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
