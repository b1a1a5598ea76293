import type { FlushSummary } from '../db/claim.js';
import type { Replay } from '../db/replay-refused.js';
import type { Retention } from '../db/retention.js';
import type { Spool, WaitingFlush } from '../db/spool.js';

export interface FindWaitingInput {
  readonly olderThanMs: number;
  /** Of flushes that no run has failed on. */
  readonly limit: number;
  /** Of flushes that a run has failed on: so many may be tried at a time. */
  readonly mostFailedBefore: number;
  readonly replayFailed: boolean;
}

export interface FoundFlush extends FlushSummary {
  /** A run has failed on it: it is tried by itself. */
  readonly failedBefore?: boolean;
}

export interface RecordFailedRunInput {
  readonly runId: string;
  readonly left: readonly { readonly flushId: string; readonly reason: string }[];
}

export interface WaitingFlushDeps {
  readonly spool: Pick<Spool, 'waiting' | 'recordFailedRun' | 'replayFailed'>;
  readonly retention: Pick<Retention, 'apps'>;
  /** Makes flushes of the items that MongoDB has refused. */
  readonly replayRefused: (replay: Replay) => Promise<void>;
  /** The flushes that an open run is at, as far as it is known: one that is missing is started twice, which is harmless. */
  readonly openFlushes: () => Promise<readonly string[]>;
  readonly now: () => number;
}

/** What the sweep knows of flushes that wait. */
export function waitingFlushActivities(deps: WaitingFlushDeps) {
  const { spool, retention, replayRefused, openFlushes, now } = deps;
  return {
    /** Flushes that wait longer than they should and that no run is at; with `replayFailed`, also those set aside. */
    async findWaiting({ olderThanMs, limit, mostFailedBefore, replayFailed }: FindWaitingInput): Promise<FoundFlush[]> {
      const before = new Date(now() - olderThanMs);
      if (replayFailed) {
        await spool.replayFailed();
        // So old that this sweep finds them.
        await replayRefused({ refusedBefore: new Date(now()), at: new Date(before.getTime() - 1) });
      }
      const open = await openFlushes();
      const fresh = await spool.waiting({ before, failedBefore: false, except: open, limit });
      // Taken before those that are open are left out: so no more of them than that are ever tried at a time.
      const first = await spool.waiting({ before, failedBefore: true, except: [], limit: mostFailedBefore });
      const isOpen = new Set(open);
      const again = first.filter(({ _id }) => !isOpen.has(_id));
      if (fresh.length + again.length === 0) return [];

      const slugs = new Map((await retention.apps()).map(({ id, appId }) => [id.toHexString(), appId]));
      const found = ({ _id, batches }: WaitingFlush): FoundFlush => ({
        id: _id,
        batches: batches.length,
        items: batches.reduce((sum, { from, to }) => sum + to - from, 0),
        apps: [...new Set(batches.map(({ appId }) => slugs.get(appId.toHexString()) ?? appId.toHexString()))],
      });
      return [...fresh.map(found), ...again.map((flush) => ({ ...found(flush), failedBefore: true }))];
    },

    /** Notes that a run ended without storing these. Once a run, however often it is told. */
    async recordFailedRun({ runId, left }: RecordFailedRunInput): Promise<void> {
      const at = new Date(now());
      for (const { flushId, reason } of left) await spool.recordFailedRun(flushId, { runId, reason, at });
    },
  };
}

export type WaitingFlushActivities = ReturnType<typeof waitingFlushActivities>;
