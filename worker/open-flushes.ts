import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import { batchIngest, flushIdsOf } from '../workflows/batch-ingest.js';

interface Deps {
  readonly client: Pick<Client, 'workflow'>;
  readonly log: Pick<Logger, 'warn'>;
}

const OPEN_RUNS = `WorkflowType = '${batchIngest.name}' AND ExecutionStatus = 'Running'`;
const PAGE_SIZE = 1_000;

/**
 * The flushes that an open run of `batchIngest` is at. Temporal's list is a moment behind, which is good enough: a
 * flush that is named too long waits for the next sweep, and one that is missing is tried twice and stored once.
 */
export function openFlushes({ client, log }: Deps) {
  return async (): Promise<string[]> => {
    const flushIds: string[] = [];
    try {
      for await (const { memo } of client.workflow.list({ query: OPEN_RUNS, pageSize: PAGE_SIZE })) {
        flushIds.push(...flushIdsOf(memo));
      }
    } catch (err) {
      // To start some twice is better than to start none.
      log.warn({ err }, 'open runs not listed; the sweep starts what waits all the same');
    }
    return flushIds;
  };
}
