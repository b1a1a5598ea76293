import type { Db, ObjectId } from 'mongodb';
import { DAY_MS } from '../domain/limits.js';
import type { CollectionSpec } from './collection.js';
import { date, documentOf, number, objectId, oneOf, string } from './json-schema.js';

/** Each has a quota of its own, so that a flood of one does not silence another. */
const CATEGORIES = ['events', 'errors', 'sessions', 'feedback'] as const;
export type UsageCategory = (typeof CATEGORIES)[number];

export interface DailyUsageDoc {
  readonly _id: string;
  readonly appId: ObjectId;
  /** UTC day number. */
  readonly day: number;
  readonly category: UsageCategory;
  readonly count: number;
  readonly expiresAt: Date;
}

export const dailyUsageSpec: CollectionSpec = {
  name: 'daily_usage',
  indexes: [{ key: { expiresAt: 1 }, name: 'expiry', expireAfterSeconds: 0 }],
  jsonSchema: documentOf<DailyUsageDoc>({
    _id: string,
    appId: objectId,
    day: number,
    category: oneOf(CATEGORIES),
    count: number,
    expiresAt: date,
  }),
};

const KEPT_DAYS = 90;

export function usage(db: Db) {
  const collection = db.collection<DailyUsageDoc>(dailyUsageSpec.name);
  return {
    /** Adds to a day's count (0: only reads) and answers the count of all processes. */
    async add(appId: ObjectId, day: number, category: UsageCategory, count: number): Promise<number> {
      const doc = await collection.findOneAndUpdate(
        { _id: `${appId.toHexString()}/${String(day)}/${category}` },
        {
          $inc: { count },
          $setOnInsert: { appId, day, category, expiresAt: new Date((day + KEPT_DAYS) * DAY_MS) },
        },
        { upsert: true, returnDocument: 'after', writeConcern: { w: 1 } },
      );
      return doc?.count ?? count;
    },
  };
}

export type Usage = ReturnType<typeof usage>;
