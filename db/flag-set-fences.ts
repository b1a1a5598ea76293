import { randomInt } from 'node:crypto';
import type { ClientSession, Db, ObjectId } from 'mongodb';
import type { CollectionSpec } from './collection.js';
import { documentOf, number, objectId, string } from './json-schema.js';

/**
 * What every write of sets touches in its own transaction, and every pass raises to its version before it reads. So a
 * write is either done before the pass reads, or it meets the pass's version here.
 */
interface FlagSetFenceDoc {
  /** `<hex of the app>/<n>` */
  readonly _id: string;
  readonly appId: ObjectId;
  readonly n: number;
  /** The version of the newest pass; 0: none has begun. */
  readonly v: number;
  /** Only so that touching it is a write, which two transactions cannot do at once. */
  readonly touches: number;
}

export const flagSetFencesSpec: CollectionSpec = {
  name: 'flag_set_fences',
  indexes: [],
  jsonSchema: documentOf<FlagSetFenceDoc>({ _id: string, appId: objectId, n: number, v: number, touches: number }),
};

/** Enough that writers of one app seldom meet, few enough that raising all costs a pass nothing. */
const FENCES = 16;

export function flagSetFences(db: Db) {
  const collection = db.collection<FlagSetFenceDoc>(flagSetFencesSpec.name);
  const idOf = (appId: ObjectId, n: number): string => `${appId.toHexString()}/${String(n)}`;
  const numbers = Array.from({ length: FENCES }, (_, n) => n);

  return {
    /**
     * Raises all of them to a version, and waits for the writers that were faster. Idempotent; false where a newer
     * pass has begun.
     */
    async raise(appId: ObjectId, version: number): Promise<boolean> {
      await collection.bulkWrite(
        numbers.map((n) => ({
          updateOne: {
            filter: { _id: idOf(appId, n) },
            update: [{ $set: { appId, n, v: { $max: ['$v', version] }, touches: { $ifNull: ['$touches', 0] } } }],
            upsert: true,
          },
        })),
        { ordered: false },
      );
      const newer = await collection.findOne({ _id: { $in: numbers.map((n) => idOf(appId, n)) }, v: { $gt: version } });
      return newer === null;
    },

    /** First in a transaction that writes sets: the version of the newest pass, which holds until it commits. */
    async touch(appId: ObjectId, session: ClientSession): Promise<number> {
      const n = randomInt(FENCES);
      const fence = await collection.findOneAndUpdate(
        { _id: idOf(appId, n) },
        { $inc: { touches: 1 }, $setOnInsert: { appId, n, v: 0 } },
        { session, upsert: true, returnDocument: 'after', projection: { v: 1 } },
      );
      if (fence === null) throw new Error('an upsert gave nothing back');
      return fence.v;
    },
  };
}

export type FlagSetFences = ReturnType<typeof flagSetFences>;
