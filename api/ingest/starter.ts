import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { FastifyBaseLogger } from 'fastify';
import type { FlushSummary } from '../../db/claim.js';
import { guarded, quietly } from '../../domain/guarded.js';
import { TASK_QUEUE } from '../../domain/task-queue.js';
import { batchIngest, batchIngestRun, FLUSHES_A_RUN } from '../../workflows/batch-ingest.js';

interface Deps {
  /** Undefined while Temporal is away. */
  readonly temporal: () => Client | undefined;
  readonly log: Pick<FastifyBaseLogger, 'info' | 'warn'>;
}

const PACE_MS = 500;
const MOST_QUEUED = 1_000;
const DRAIN_MS = 5_000;

/**
 * Starts `batchIngest` for flushes that are on disk: ten a run and two runs a second at most, since a run costs about
 * as much as storing a thousand events. What it cannot start is dropped here and found by the sweep.
 */
export function ingestStarter({ temporal, log }: Deps) {
  let queue: FlushSummary[] = [];
  let lastStartAt = 0;
  let timer: NodeJS.Timeout | undefined;
  const starting = new Set<Promise<void>>();

  const start = (flushes: readonly FlushSummary[]): Promise<void> =>
    quietly(
      async () => {
        const client = temporal();
        if (client === undefined) return;
        const run = batchIngestRun(flushes);
        const options = { ...run, taskQueue: TASK_QUEUE, workflowIdConflictPolicy: 'USE_EXISTING' } as const;
        await client.workflow.start(batchIngest, options);
        log.info({ workflowId: run.workflowId, ...run.memo }, 'batchIngest started');
      },
      (err) => {
        const firstFlush = flushes[0]?.id;
        log.warn(
          { err, firstFlush, flushes: flushes.length },
          'batchIngest not started; the sweep will find these flushes',
        );
      },
    );

  function startNext(): void {
    timer = undefined;
    if (queue.length === 0) return;
    const wait = lastStartAt + PACE_MS - Date.now();
    if (wait > 0) {
      timer = setTimeout(tick, wait);
      return;
    }
    lastStartAt = Date.now();
    timer = setTimeout(tick, PACE_MS);
    const running = start(queue.splice(0, FLUSHES_A_RUN)).finally(() => starting.delete(running));
    starting.add(running);
  }
  const tick = guarded(startNext, (err) => log.warn({ err }, 'the next flushes are started a moment later'));

  return {
    add(flush: FlushSummary): void {
      // While Temporal is away the spool holds them; here they would only take memory.
      if (queue.length < MOST_QUEUED) queue.push(flush);
      timer ??= setTimeout(tick, 0);
    },

    /** Starts what is left without pause; for a stop, which does not wait long for a Temporal that is slow. */
    async drain(): Promise<void> {
      clearTimeout(timer);
      const startAll = async (): Promise<void> => {
        while (queue.length > 0) await start(queue.splice(0, FLUSHES_A_RUN));
        await Promise.all(starting);
      };
      await Promise.race([startAll(), sleep(DRAIN_MS, undefined, { ref: false })]);
      if (queue.length > 0)
        log.warn({ flushes: queue.length }, 'not started before the stop; the sweep will find them');
      queue = [];
    },
  };
}
