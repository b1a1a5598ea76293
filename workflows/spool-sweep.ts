import { ParentClosePolicy, proxyActivities, setCurrentDetails, startChild } from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { BatchActivities } from '../activities/batches.js';
import type { FlushSummary } from '../db/claim.js';
import { batchIngest, batchIngestRun, FLUSHES_A_RUN } from './batch-ingest.js';

export interface SpoolSweepInput {
  /** Puts flushes that were set aside back in line; for ops, after the cause is mended. */
  readonly replayFailed?: boolean;
}

export const SPOOL_SWEEP_ID = 'spool-sweep';

const OLDER_THAN_MS = 60_000;
const RUNS_A_SWEEP = 20;

const { findWaiting } = proxyActivities<Pick<BatchActivities, 'findWaiting'>>({
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: '5 minutes',
  summary: 'Find flushes that wait for more than a minute',
});

/** Finds acknowledged flushes that nobody has stored, after a lost start or a death, and starts `batchIngest` for them. */
export async function spoolSweep({ replayFailed = false }: SpoolSweepInput): Promise<number> {
  const limit = FLUSHES_A_RUN * RUNS_A_SWEEP;
  const waiting = await findWaiting({ olderThanMs: OLDER_THAN_MS, limit, replayFailed });

  for (let at = 0; at < waiting.length; at += FLUSHES_A_RUN) {
    await startRun(waiting.slice(at, at + FLUSHES_A_RUN));
  }
  setCurrentDetails(`Flushes that were waiting for more than a minute: **${String(waiting.length)}**`);
  return waiting.length;
}

async function startRun(flushes: readonly FlushSummary[]): Promise<void> {
  try {
    await startChild(batchIngest, { ...batchIngestRun(flushes), parentClosePolicy: ParentClosePolicy.ABANDON });
  } catch (error) {
    // Still at it: the run that works on them will finish or give up, and the next sweep looks again.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
