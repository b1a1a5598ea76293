import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { FastifyBaseLogger } from 'fastify';
import type { FlushSummary } from '../../db/claim.js';
import { TASK_QUEUE } from '../../domain/task-queue.js';
import { batchIngest, batchIngestId } from '../../workflows/batch-ingest.js';
import { SEARCH_ATTRIBUTES } from '../../workflows/search-attributes.js';

interface Deps {
  /** Undefined while Temporal is away. */
  readonly temporal: () => Client | undefined;
  readonly log: Pick<FastifyBaseLogger, 'info' | 'warn'>;
}

const PACE_MS = 500;
const FLUSHES_A_RUN = 10;
const MOST_QUEUED = 1_000;
const MOST_APPS_NAMED = 20;
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

  async function start(flushes: readonly FlushSummary[]): Promise<void> {
    const client = temporal();
    const first = flushes[0];
    if (client === undefined || first === undefined) return;
    const workflowId = batchIngestId(first.id);
    const facts = describe(flushes);
    try {
      await client.workflow.start(batchIngest, {
        taskQueue: TASK_QUEUE,
        workflowId,
        args: [{ flushIds: flushes.map(({ id }) => id) }],
        workflowIdConflictPolicy: 'USE_EXISTING',
        typedSearchAttributes: [
          { key: SEARCH_ATTRIBUTES.kind, value: 'batch-ingest' },
          { key: SEARCH_ATTRIBUTES.apps, value: facts.apps },
        ],
        memo: { batches: facts.batches, items: facts.items, flushes: flushes.length },
        staticSummary: facts.summary,
        staticDetails: facts.details,
      });
      log.info({ workflowId, ...facts.counts }, 'batchIngest started');
    } catch (err) {
      log.warn({ err, workflowId, ...facts.counts }, 'batchIngest not started; the sweep will find these flushes');
    }
  }

  function tick(): void {
    timer = undefined;
    if (queue.length === 0) return;
    const wait = lastStartAt + PACE_MS - Date.now();
    if (wait > 0) {
      timer = setTimeout(tick, wait);
      return;
    }
    lastStartAt = Date.now();
    const running = start(queue.splice(0, FLUSHES_A_RUN)).finally(() => starting.delete(running));
    starting.add(running);
    timer = setTimeout(tick, PACE_MS);
  }

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

function describe(flushes: readonly FlushSummary[]) {
  const batches = flushes.reduce((sum, flush) => sum + flush.batches, 0);
  const items = flushes.reduce((sum, flush) => sum + flush.items, 0);
  const all = [...new Set(flushes.flatMap((flush) => flush.apps))];
  const apps = all.slice(0, MOST_APPS_NAMED);
  const count = (n: number, noun: string, plural = `${noun}s`) =>
    `${n.toLocaleString('en')} ${n === 1 ? noun : plural}`;
  const rows = flushes.map((flush) => `| \`${flush.id}\` | ${String(flush.batches)} | ${String(flush.items)} |`);
  return {
    batches,
    items,
    apps,
    counts: { flushes: flushes.length, batches, items },
    summary: `${count(batches, 'batch', 'batches')}, ${count(items, 'item')}, ${count(all.length, 'app')}`,
    details: ['| flush | batches | items |', '|---|---|---|', ...rows, '', `Apps: ${apps.join(', ')}`].join('\n'),
  };
}
