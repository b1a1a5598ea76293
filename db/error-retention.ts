import type { Db, ObjectId } from 'mongodb';
import { type ErrorGroupDoc, errorGroupsSpec } from './error-groups.js';
import { type ErrorDoc, errorsSpec } from './errors.js';

/** So many a transaction: short enough that ingest, which counts in the same groups, hardly waits. */
const STEP = 500;

/** Of errors only the occurrences go: groups, their days and their counts stay. */
export function errorRetention(db: Db) {
  const errors = db.collection<ErrorDoc>(errorsSpec.name);
  const groups = db.collection<ErrorGroupDoc>(errorGroupsSpec.name);

  return {
    /** Deletes some of the app's occurrences from before then, the oldest first; 0: there are no more. Idempotent. */
    async deleteErrors(appId: ObjectId, beforeMs: number): Promise<number> {
      const filter = { appId, timestampMs: { $lt: beforeMs } };
      const projection = { groupId: 1, keptAs: 1 } as const;
      return db.client.withSession((session) =>
        session.withTransaction(
          async () => {
            const found = await errors
              .find(filter, { session, projection })
              .sort({ timestampMs: 1 })
              .limit(STEP)
              .toArray();
            if (found.length === 0) return 0;
            await errors.deleteMany({ _id: { $in: found.map(({ _id }) => _id) } }, { session });
            // A group makes room by how many it keeps as its newest.
            const newest = new Map<string, { readonly id: ObjectId; count: number }>();
            for (const { groupId: id, keptAs } of found) {
              if (keptAs !== 'newest') continue;
              const known = newest.get(id.toHexString()) ?? { id, count: 0 };
              known.count += 1;
              newest.set(id.toHexString(), known);
            }
            const updates = [...newest.values()].map(({ id, count }) => ({
              updateOne: { filter: { _id: id }, update: { $inc: { newestKept: -count } } },
            }));
            if (updates.length > 0) await groups.bulkWrite(updates, { session });
            return found.length;
          },
          { readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority', journal: true } },
        ),
      );
    },
  };
}
