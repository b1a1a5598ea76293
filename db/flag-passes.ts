import type { Db, ObjectId } from 'mongodb';
import { type FlagPassDoc, type FlagStateDoc, flagStatesSpec } from './flag-states.js';

/** Of a pass: profiles that were looked at, and sets that were written. */
export type PassFigures = Pick<FlagPassDoc, 'profiles' | 'rewritten'>;

/** How far the sets of apps are behind their definitions, in the documents that say where those stand. */
export function flagPasses(db: Db) {
  const collection = db.collection<FlagStateDoc>(flagStatesSpec.name);

  return {
    /**
     * Those whose sets are not at their version: a signal was lost, or a pass is on its way. Where there are more than
     * `limit`, any of them, so that none waits behind others for ever.
     */
    async behind(limit: number): Promise<FlagStateDoc[]> {
      const isBehind = { $match: { $expr: { $gt: ['$version', '$computed'] } } };
      return collection.aggregate<FlagStateDoc>([isBehind, { $sample: { size: limit } }]).toArray();
    },

    /** Idempotent: what earlier tries of the same pass have noted stays. */
    async begun(appId: ObjectId, version: number, startedAt: Date): Promise<void> {
      const pass: FlagPassDoc = { version, profiles: 0, rewritten: 0, startedAt, endedAt: null };
      await collection.updateOne({ _id: appId, 'pass.version': { $not: { $gte: version } } }, { $set: { pass } });
    },

    /** How far it is; nothing where a newer one has begun. */
    async reached(appId: ObjectId, version: number, { profiles, rewritten }: PassFigures): Promise<void> {
      await collection.updateOne(
        { _id: appId, 'pass.version': version },
        { $set: { 'pass.profiles': profiles, 'pass.rewritten': rewritten } },
      );
    },

    /** All sets are at this version now, unless a newer pass has brought them further. Idempotent. */
    async ended(appId: ObjectId, version: number, figures: PassFigures, endedAt: Date): Promise<void> {
      await collection.updateOne(
        { _id: appId, 'pass.version': version, 'pass.endedAt': null },
        { $set: { 'pass.profiles': figures.profiles, 'pass.rewritten': figures.rewritten, 'pass.endedAt': endedAt } },
      );
      await collection.updateOne({ _id: appId, computed: { $lt: version } }, { $set: { computed: version } });
    },
  };
}

export type FlagPasses = ReturnType<typeof flagPasses>;
