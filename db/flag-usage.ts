import type { Db, MongoClient, ObjectId } from 'mongodb';
import type { FlagAnswer } from '../domain/flag-answer.js';
import { utcDay } from '../domain/app.js';
import { DAY_MS } from '../domain/limits.js';
import type { CollectionSpec } from './collection.js';
import { isDuplicateKey } from './duplicate-key.js';
import { boolean, date, documentOf, number, objectId, string } from './json-schema.js';

/** How often a flag answered this on a day. */
export interface FlagUsageDoc {
  readonly _id: ObjectId;
  readonly appId: ObjectId;
  readonly flagKey: string;
  /** UTC day number. */
  readonly day: number;
  /** The key of a variant, or a value as JSON. */
  readonly answer: string;
  readonly isVariant: boolean;
  readonly count: number;
  readonly lastAt: Date;
  readonly expiresAt: Date;
}

/** When a flag was last asked for. */
export interface FlagReadDoc {
  readonly _id: ObjectId;
  readonly appId: ObjectId;
  readonly flagKey: string;
  readonly lastAt: Date;
}

/** That these counts were added: they are not added again. */
export interface FlagUsageFlushDoc {
  readonly _id: string;
  readonly at: Date;
}

const KEPT_DAYS = 400;
const DAY_SECONDS = 86_400;

export const flagUsageSpec: CollectionSpec = {
  name: 'flag_usage',
  indexes: [
    { key: { appId: 1, flagKey: 1, day: -1, answer: 1, isVariant: 1 }, name: 'once_per_answer', unique: true },
    { key: { expiresAt: 1 }, name: 'expiry', expireAfterSeconds: 0 },
  ],
  jsonSchema: documentOf<FlagUsageDoc>({
    _id: objectId,
    appId: objectId,
    flagKey: string,
    day: number,
    answer: string,
    isVariant: boolean,
    count: number,
    lastAt: date,
    expiresAt: date,
  }),
};

export const flagReadsSpec: CollectionSpec = {
  name: 'flag_reads',
  indexes: [{ key: { appId: 1, flagKey: 1 }, name: 'once_per_flag', unique: true }],
  jsonSchema: documentOf<FlagReadDoc>({ _id: objectId, appId: objectId, flagKey: string, lastAt: date }),
};

export const flagUsageFlushesSpec: CollectionSpec = {
  name: 'flag_usage_flushes',
  indexes: [{ key: { at: 1 }, name: 'ttl', expireAfterSeconds: 7 * DAY_SECONDS }],
  jsonSchema: documentOf<FlagUsageFlushDoc>({ _id: string, at: date }),
};

export interface FlagCount extends FlagAnswer {
  readonly appId: ObjectId;
  readonly flagKey: string;
  readonly count: number;
}

export function flagUsage(client: MongoClient, db: Db) {
  const days = db.collection<FlagUsageDoc>(flagUsageSpec.name);
  const reads = db.collection<FlagReadDoc>(flagReadsSpec.name);
  const flushes = db.collection<FlagUsageFlushDoc>(flagUsageFlushesSpec.name);

  /** In key order, so that no two transactions wait for each other in a ring. */
  function dayWrites(counts: readonly FlagCount[], at: Date) {
    const day = utcDay(at.getTime());
    const expiresAt = new Date((day + KEPT_DAYS) * DAY_MS);
    return inOrder(counts).map(({ appId, flagKey, key: answer, isVariant, count }) => ({
      updateOne: {
        filter: { appId, flagKey, day, answer, isVariant },
        update: { $inc: { count }, $max: { lastAt: at }, $setOnInsert: { expiresAt } },
        upsert: true,
      },
    }));
  }

  function readWrites(counts: readonly FlagCount[], at: Date) {
    const flags = new Map(inOrder(counts).map((each) => [`${each.appId.toHexString()}/${each.flagKey}`, each]));
    return [...flags.values()].map(({ appId, flagKey }) => ({
      updateOne: { filter: { appId, flagKey }, update: { $max: { lastAt: at } }, upsert: true },
    }));
  }

  return {
    /** Once only by the flush's id. Answers whether it was this call that added them. */
    async add(flushId: string, counts: readonly FlagCount[], at: Date): Promise<boolean> {
      if (counts.length === 0) return false;
      try {
        await client.withSession((session) =>
          session.withTransaction(
            async () => {
              await flushes.insertOne({ _id: flushId, at }, { session });
              await days.bulkWrite(dayWrites(counts, at), { session });
              await reads.bulkWrite(readWrites(counts, at), { session });
            },
            { writeConcern: { w: 'majority', journal: true } },
          ),
        );
        return true;
      } catch (error) {
        // Of the flush's own id; that of a count is met by another try.
        if (!isDuplicateKey(error) || (await flushes.findOne({ _id: flushId })) === null) throw error;
        return false;
      }
    },

    /** Oldest day first. */
    async ofFlag(appId: ObjectId, flagKey: string, firstDay: number): Promise<FlagUsageDoc[]> {
      return days
        .find({ appId, flagKey, day: { $gte: firstDay } })
        .sort({ day: 1, count: -1 })
        .toArray();
    },

    async lastRead(appId: ObjectId, flagKey: string): Promise<Date | undefined> {
      return (await reads.findOne({ appId, flagKey }))?.lastAt;
    },

    /** Of all flags of an app that ever were, by key. */
    async lastReads(appId: ObjectId): Promise<ReadonlyMap<string, Date>> {
      const docs = await reads.find({ appId }, { projection: { flagKey: 1, lastAt: 1 } }).toArray();
      return new Map(docs.map(({ flagKey, lastAt }) => [flagKey, lastAt]));
    },
  };
}

const orderOf = ({ appId, flagKey, key, isVariant }: FlagCount): string =>
  `${appId.toHexString()}/${flagKey}/${key}/${String(isVariant)}`;

const inOrder = (counts: readonly FlagCount[]): FlagCount[] =>
  [...counts].sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));

export type FlagUsageStore = ReturnType<typeof flagUsage>;
