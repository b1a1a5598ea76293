import type { ClientSession, MongoClient } from 'mongodb';
import type { DropWrite } from '../db/drops.js';
import type { StoredErrors } from '../db/error-store.js';
import type { RefusedItemDoc, RefusedItems } from '../db/refused-items.js';
import type { RollupShare, Rollups } from '../db/rollups.js';
import type { RolloutHit } from '../db/rollout-profiles.js';
import type { KeylessFlush, Spool, SpooledWrite } from '../db/spool.js';
import type { ErrorPipeline, PreparedErrors } from './errors.js';
import { flushWrites, type WriteDeps } from './flush-writes.js';
import { refusedDrops } from './flush-items.js';
import type { RolloutMarks } from './rollout-marks.js';

export interface TransactionDeps extends WriteDeps {
  readonly client: MongoClient;
  readonly spool: Pick<Spool, 'markStored'>;
  readonly rollups: Rollups;
  readonly errors: Pick<ErrorPipeline, 'store' | 'committed'>;
  readonly rolloutMarks: Pick<RolloutMarks, 'store' | 'committed'>;
  readonly refusedItems: Pick<RefusedItems, 'keep'>;
  /** Told when there is something to tell people; must not throw, and a call that is lost is made good by a schedule. */
  readonly onAlerts: () => void;
}

/** All that the end of a flush writes. */
export interface Ending {
  readonly flush: KeylessFlush;
  readonly rollups: readonly RollupShare[];
  readonly writes: readonly SpooledWrite[];
  readonly prepared: readonly PreparedErrors[];
  readonly hits: readonly RolloutHit[];
  readonly refused: readonly RefusedItemDoc[];
}

/** Thrown on purpose, so that a probe leaves nothing behind. */
const PROBED = new Error('probed');
const OPTIONS = { readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority', journal: true } } as const;

/** The last transaction of flushes: all of it or nothing, each flush once. */
export function lastTransaction(deps: TransactionDeps) {
  const { client, spool, rollups, errors, rolloutMarks, refusedItems, drops, onAlerts, now } = deps;
  const write = flushWrites(deps);

  const releaseDrops = ({ appId, errors: own }: PreparedErrors): DropWrite[] => {
    const leftOut = new Set(own.flatMap(({ error, releaseLeftOut }) => (releaseLeftOut ? [error.release] : [])));
    const facts = { type: 'drop', by: 'quota', reason: 'new_releases', category: 'release' } as const;
    return leftOut.size === 0 ? [] : [{ ...facts, appId, count: leftOut.size, at: new Date(now()) }];
  };

  async function statements(endings: readonly Ending[], session: ClientSession) {
    const isEnded: boolean[] = [];
    const marked: RolloutHit[] = [];
    const prepared: PreparedErrors[] = [];
    for (const ending of endings) {
      const isMine = await spool.markStored(ending.flush, new Date(now()), session);
      isEnded.push(isMine);
      if (!isMine) continue;
      await rollups.add(ending.flush._id, ending.rollups, session);
      await write(ending.writes, session);
      if (ending.refused.length > 0) {
        await refusedItems.keep(ending.refused, session);
        await drops.write(refusedDrops(ending.refused), session);
      }
      await drops.write(ending.prepared.flatMap(releaseDrops), session);
      prepared.push(...ending.prepared);
      marked.push(...ending.hits);
    }
    const stored: readonly StoredErrors[] = await errors.store(prepared, session);
    await rolloutMarks.store(marked, session);
    return { isEnded, marked, stored };
  }

  return {
    /** Ends flushes together; false for those that somebody else has ended or taken over. */
    async commit(endings: readonly Ending[]): Promise<boolean[]> {
      let done: Awaited<ReturnType<typeof statements>> = { isEnded: [], marked: [], stored: [] };
      await client.withSession((session) =>
        session.withTransaction(async () => {
          done = await statements(endings, session);
        }, OPTIONS),
      );
      rolloutMarks.committed(done.marked);
      if (errors.committed(done.stored) > 0) onAlerts();
      return done.isEnded;
    },

    /** Fails where a commit would. It leaves nothing behind. */
    async probe(ending: Ending): Promise<void> {
      try {
        await client.withSession((session) =>
          session.withTransaction(async () => {
            await statements([ending], session);
            throw PROBED;
          }, OPTIONS),
        );
      } catch (error) {
        if (error !== PROBED) throw error;
      }
    },
  };
}

export type LastTransaction = ReturnType<typeof lastTransaction>;
