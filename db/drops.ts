import type { ClientSession, Db, ObjectId } from 'mongodb';
import { utcDay } from '../domain/app.js';
import type { CollectionSpec } from './collection.js';
import { documentOf, number, objectId, oneOf, string } from './json-schema.js';

export const DROPPED_BY = ['filter', 'client', 'quota', 'store'] as const;

/**
 * That something was not taken: by an inbound filter, over quota, by the client, which reports it, or by MongoDB, which
 * refused it.
 */
export interface DropWrite {
  readonly type: 'drop';
  readonly appId: ObjectId;
  readonly by: (typeof DROPPED_BY)[number];
  /** `browser_extension`, `ratelimit_backoff`, ... */
  readonly reason: string;
  /** `error`, `session`, `feedback`, ... */
  readonly category: string;
  readonly count: number;
  readonly at: Date;
}

export interface DropDoc extends Omit<DropWrite, 'type' | 'at'> {
  readonly day: number;
}

export const dropsSpec: CollectionSpec = {
  name: 'daily_drops',
  indexes: [{ key: { appId: 1, day: 1, by: 1, reason: 1, category: 1 }, name: 'once_per_day', unique: true }],
  jsonSchema: documentOf<DropDoc>({
    appId: objectId,
    day: number,
    by: oneOf(DROPPED_BY),
    reason: string,
    category: string,
    count: number,
  }),
};

export function drops(db: Db) {
  const collection = db.collection<DropDoc>(dropsSpec.name);
  return {
    /** Once only by its transaction: the caller's. */
    async write(writes: readonly DropWrite[], session: ClientSession): Promise<void> {
      for (const { appId, by, reason, category, count, at } of writes) {
        const filter = { appId, day: utcDay(at.getTime()), by, reason, category };
        await collection.updateOne(filter, { $inc: { count } }, { upsert: true, session });
      }
    },

    /** By day from `firstDay` on, oldest first. */
    since: (appId: ObjectId, firstDay: number): Promise<DropDoc[]> =>
      collection
        .find({ appId, day: { $gte: firstDay } }, { projection: { _id: 0 } })
        .sort({ day: 1 })
        .limit(10_000)
        .toArray(),
  };
}

export type Drops = ReturnType<typeof drops>;
