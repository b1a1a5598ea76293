import type { AnyBulkWriteOperation, ClientSession, Db, Document, ObjectId } from 'mongodb';
import type { HitPattern } from '../domain/guard-evidence.js';
import { lookup } from '../domain/loose.js';
import type { CollectionSpec } from './collection.js';
import { arrayOf, date, documentOf, mapOf, number, objectId, optional, boolean, string } from './json-schema.js';

/**
 * A profile as the guard of one rollout knows it. One without a bucket was never served: it has met a metric, and
 * counts once it is served, since an error may be stored before the answer that led to it is noted.
 */
export interface RolloutProfileDoc {
  /** `<hex of rolloutId>/<hex of profileId>`. */
  readonly _id: string;
  readonly rolloutId: ObjectId;
  readonly bucket?: number;
  /** Stands for what was hashed: profiles that share it are one in counting. */
  readonly unit?: string;
  /** Whether the rule's conditions held when it was served last. */
  readonly matched?: boolean;
  readonly servedAt?: Date;
  /** The windows in which it was active. */
  readonly windows: readonly number[];
  /** When it was served first in a window: `w3`. */
  readonly served?: Readonly<Record<string, Date>>;
  /** When it met a metric first in a window: `m0w3`. */
  readonly hits?: Readonly<Record<string, Date>>;
  readonly hit?: boolean;
  readonly expiresAt: Date;
}

export const rolloutProfilesSpec: CollectionSpec = {
  name: 'rollout_profiles',
  indexes: [
    { key: { rolloutId: 1, windows: 1, matched: 1, bucket: 1 }, name: 'active' },
    { key: { rolloutId: 1 }, name: 'hit', partialFilterExpression: { hit: true } },
    { key: { expiresAt: 1 }, name: 'expiry', expireAfterSeconds: 0 },
  ],
  jsonSchema: documentOf<RolloutProfileDoc>({
    _id: string,
    rolloutId: objectId,
    bucket: optional(number),
    unit: optional(string),
    matched: optional(boolean),
    servedAt: optional(date),
    windows: arrayOf(number),
    served: optional(mapOf(date)),
    hits: optional(mapOf(date)),
    hit: optional(boolean),
    expiresAt: date,
  }),
};

/** That a profile was given an answer while a rollout was in a window. */
export interface ServedProfile {
  readonly rolloutId: ObjectId;
  readonly window: number;
  readonly profileId: ObjectId;
  /** Null: the conditions did not hold. */
  readonly subject: { readonly bucket: number; readonly unit: string } | null;
  readonly at: Date;
}

/** That a profile met a metric while a rollout was in a window. */
export interface RolloutHit {
  readonly rolloutId: ObjectId;
  readonly window: number;
  /** Index into the guard's metrics. */
  readonly metric: number;
  readonly profileId: ObjectId;
  readonly at: Date;
}

/** For people who ask how it came to be; a rollout itself is kept for ever. */
const KEPT_MS = 60 * 86_400_000;
const COUNTING_MS = 20_000;

const rowId = (rolloutId: ObjectId, profileId: ObjectId): string =>
  `${rolloutId.toHexString()}/${profileId.toHexString()}`;
const expiry = (at: Date): Date => new Date(at.getTime() + KEPT_MS);
const hitName = (metric: number, window: number): string => `m${String(metric)}w${String(window)}`;

export function rolloutProfiles(db: Db) {
  const collection = db.collection<RolloutProfileDoc>(rolloutProfilesSpec.name);
  const counting = { maxTimeMS: COUNTING_MS, readConcern: { level: 'majority' as const } };

  return {
    /** Idempotent: minimum, maximum and set. */
    async serve(served: readonly ServedProfile[]): Promise<void> {
      if (served.length === 0) return;
      await collection.bulkWrite(served.map(serveWrite), { ordered: false });
    },

    /**
     * Inside the last transaction of the flush that says so, so that none is lost; idempotent, so that it may say so
     * again. In one order everywhere, so that two transactions meet at their first common row.
     */
    async mark(hits: readonly RolloutHit[], session: ClientSession): Promise<void> {
      if (hits.length === 0) return;
      const writes = hits.map(hitWrite);
      writes.sort((a, b) => (a.updateOne.filter._id < b.updateOne.filter._id ? -1 : 1));
      await collection.bulkWrite(writes, { session, ordered: true });
    },

    /** How many were active in a window, by bucket; index 0 is bucket 1. */
    async active(rolloutId: ObjectId, window: number): Promise<number[]> {
      const found = await collection
        .aggregate<{ _id: number; count: number }>(
          [
            { $match: { rolloutId, windows: window, matched: true } },
            { $group: { _id: '$bucket', count: { $sum: 1 } } },
          ],
          counting,
        )
        .toArray();
      const counts = new Array<number>(100).fill(0);
      for (const { _id: bucket, count } of found) if (bucket >= 1 && bucket <= 100) counts[bucket - 1] = count;
      return counts;
    },

    /** For each metric, those who met it, by bucket and windows. Who shares a bucket for good counts as one. */
    async hits(rolloutId: ObjectId, metrics: number): Promise<HitPattern[][]> {
      const found = await collection
        .aggregate<{ _id: { bucket: number; names: string[] }; count: number }>(
          [
            { $match: { rolloutId, hit: true, matched: true, bucket: { $gte: 1, $lte: 100 } } },
            { $project: { bucket: 1, unit: { $ifNull: ['$unit', '$_id'] }, hits: { $objectToArray: '$hits' } } },
            { $unwind: '$hits' },
            { $group: { _id: '$unit', bucket: { $first: '$bucket' }, names: { $addToSet: '$hits.k' } } },
            {
              $group: {
                _id: { bucket: '$bucket', names: { $sortArray: { input: '$names', sortBy: 1 } } },
                count: { $sum: 1 },
              },
            },
          ],
          { ...counting, allowDiskUse: true },
        )
        .toArray();
      return Array.from({ length: metrics }, (_, metric) =>
        found.flatMap(({ _id: { bucket, names }, count }) => {
          const windows = windowsOf(names, metric);
          return windows.length === 0 ? [] : [{ bucket, windows, count }];
        }),
      );
    },

    /**
     * The first `limit` profiles with buckets above `above` that were served in a window and have been looked at for
     * `settleMs` since, until `until`: how many, and how many of them met each metric in that time.
     */
    async settled({ rolloutId, window, above, settleMs, until, limit, metrics }: Settled): Promise<SettledCount> {
      const served = `served.w${String(window)}`;
      const hitSum = (metric: number): Document => {
        const hit = `$hits.${hitName(metric, window)}`;
        const inTime = { $lte: [{ $subtract: [hit, `$${served}`] }, settleMs] };
        return { $sum: { $cond: [{ $and: [{ $gt: [hit, null] }, inTime] }, 1, 0] } };
      };
      const names = Array.from({ length: metrics }, (_, metric) => metric);
      const [found] = await collection
        .aggregate<{ count: number } & Record<string, number>>(
          [
            {
              $match: {
                rolloutId,
                windows: window,
                matched: true,
                bucket: { $gt: above },
                [served]: { $lte: new Date(until.getTime() - settleMs) },
              },
            },
            { $sort: { [served]: 1 } },
            { $limit: limit },
            {
              $group: {
                _id: null,
                count: { $sum: 1 },
                ...Object.fromEntries(names.map((metric) => [`m${String(metric)}`, hitSum(metric)])),
              },
            },
          ],
          { ...counting, allowDiskUse: true },
        )
        .toArray();
      return {
        profiles: found?.count ?? 0,
        hits: names.map((metric) => lookup(found ?? {}, `m${String(metric)}`) ?? 0),
      };
    },
  };
}

export type RolloutProfiles = ReturnType<typeof rolloutProfiles>;

export interface Settled {
  readonly rolloutId: ObjectId;
  readonly window: number;
  readonly above: number;
  readonly settleMs: number;
  readonly until: Date;
  readonly limit: number;
  readonly metrics: number;
}

export interface SettledCount {
  readonly profiles: number;
  readonly hits: readonly number[];
}

function serveWrite({
  rolloutId,
  window,
  profileId,
  subject,
  at,
}: ServedProfile): AnyBulkWriteOperation<RolloutProfileDoc> {
  const _id = rowId(rolloutId, profileId);
  if (subject === null) {
    return {
      updateOne: { filter: { _id, servedAt: { $lt: at } }, update: { $set: { matched: false, servedAt: at } } },
    };
  }
  const { bucket, unit } = subject;
  return {
    updateOne: {
      filter: { _id },
      update: {
        $set: { bucket, unit, matched: true },
        $max: { servedAt: at },
        $min: { [`served.w${String(window)}`]: at },
        $addToSet: { windows: window },
        $setOnInsert: { rolloutId, expiresAt: expiry(at) },
      },
      upsert: true,
    },
  };
}

function hitWrite({ rolloutId, window, metric, profileId, at }: RolloutHit) {
  return {
    updateOne: {
      filter: { _id: rowId(rolloutId, profileId) },
      update: {
        $set: { hit: true },
        $min: { [`hits.${hitName(metric, window)}`]: at },
        $addToSet: { windows: window },
        $setOnInsert: { rolloutId, expiresAt: expiry(at) },
      },
      upsert: true,
    },
  };
}

function windowsOf(names: readonly string[], metric: number): number[] {
  const prefix = `m${String(metric)}w`;
  const own = names.filter((name) => name.startsWith(prefix)).map((name) => Number(name.slice(prefix.length)));
  return own.sort((a, b) => a - b);
}
