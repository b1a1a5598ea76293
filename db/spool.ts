import { Binary, type ClientSession, type Db, type Filter, type ObjectId } from 'mongodb';
import { type Accepted, batchId, type FlushWrite, type Rejection } from './batch.js';
import type { CollectionSpec } from './collection.js';
import type { ProfileTouch } from './profiles.js';
import { noteReplayed } from './replay-refused.js';
import type { RollupShare } from './rollups.js';

export type FlushState = 'new' | 'stored' | 'failed';

/** One request inside a flush. Its items are `ids[from..to)`; those that others held before are not among them. */
export interface FlushBatch {
  readonly key: Binary;
  readonly bodyHash?: Binary;
  readonly appId: ObjectId;
  readonly kind: string;
  readonly format: string;
  readonly from: number;
  readonly to: number;
  /** Valid items, duplicates included. */
  readonly accepted: number;
  readonly rejected: readonly Rejection[];
}

/** An item of a flush that MongoDB does not take: where in `ids` it stands, and why. */
export interface Refusal {
  readonly at: number;
  readonly code: string;
  readonly reason: string;
}

/** A write of a flush, and which item it is: where in `ids` it stands. What was only dropped is no item. */
export type SpooledWrite = FlushWrite & { readonly item?: number };

/** An item that was refused before: its key stays with the flush that it came with. */
export interface ReplayedItem {
  readonly key: Binary;
  readonly flushId: string;
}

/**
 * The unit of ingest: what is claimed, acknowledged, stored and counted together. Inserting it is the claim on its
 * keys and the acknowledgement; its documents go, its keys stay for the dedupe window.
 */
export interface FlushDoc {
  /** ULID. */
  readonly _id: string;
  readonly state: FlushState;
  readonly at: Date;
  /** How often the flush was taken over. */
  readonly epoch: number;
  readonly lanes: { readonly events: Binary; readonly heatmap: Binary };
  readonly batches: readonly FlushBatch[];
  readonly batchKeys: readonly Binary[];
  /** How many items the flush holds: the length of `ids`. */
  readonly owned: number;
  /** Left out when empty: a unique sparse index takes any number of absent fields, but one empty array. */
  readonly ids?: readonly Binary[];
  /** Indexes into `ids` of items that a take-over left out, since they were past the app's retention. */
  readonly skip: readonly number[];
  /** Set aside in `refused_items`. */
  readonly refused?: readonly Refusal[];
  /** Instead of `ids`, in a flush that was made of refused items. */
  readonly replays?: readonly ReplayedItem[];
  /** The documents as BSON, one after the other, in the order of `ids`. */
  readonly bytes?: { readonly events: Binary; readonly heatmap: Binary; readonly errors?: Binary };
  readonly size: number;
  readonly rollups?: readonly RollupShare[];
  readonly touches?: readonly ProfileTouch[];
  readonly writes?: readonly SpooledWrite[];
  readonly doneAt?: Date;
  readonly failure?: string;
  /** How many runs of `batchIngest` have ended without storing it; left out before the first. */
  readonly failedRuns?: number;
  readonly lastFailedRun?: FailedRun;
}

export interface FailedRun {
  readonly runId: string;
  readonly reason: string;
  readonly at: Date;
}

/** Hours for which the keys of a stored flush are kept, where the configuration says nothing else. */
const DEDUPE_HOURS = 48;
const DEDUPE_INDEX = 'dedupe_window';
const WAITING_INDEX = 'waiting';

export type KeylessFlush = Omit<FlushDoc, 'ids' | 'batches' | 'batchKeys'>;
type LeftOut = Pick<FlushDoc, '_id' | 'epoch' | 'skip' | 'refused'>;
type StoredFlush = Pick<FlushDoc, '_id' | 'epoch' | 'refused' | 'replays'>;

/** The keys of a flush's items, whose places are what `skip`, `refused` and its writes name. */
export const keysOf = ({ ids, replays }: Pick<FlushDoc, 'ids' | 'replays'>): readonly Binary[] =>
  ids ?? replays?.map(({ key }) => key) ?? [];

export const ingestSpoolSpec: CollectionSpec = {
  name: 'ingest_spool',
  indexes: [
    { key: { ids: 1 }, name: 'held_items', unique: true, sparse: true },
    { key: { batchKeys: 1 }, name: 'held_batches', unique: true, sparse: true },
    { key: { state: 1, at: 1, size: 1 }, name: 'by_state_time' },
    // Of the few that wait, so that flushes that fail for ever are passed over without being read.
    {
      key: { failedRuns: 1, at: 1, _id: 1 },
      name: WAITING_INDEX,
      partialFilterExpression: { state: 'new' },
    },
    // On doneAt only: what is not stored yet never expires, since others dropped their copies on its word.
    { key: { doneAt: 1 }, name: DEDUPE_INDEX, expireAfterSeconds: DEDUPE_HOURS * 3600 },
  ],
  jsonSchema: {
    bsonType: 'object',
    required: ['_id', 'state', 'at', 'epoch', 'lanes', 'batches', 'batchKeys', 'skip', 'size'],
    properties: {
      state: { enum: ['new', 'stored', 'failed'] },
      at: { bsonType: 'date' },
      batchKeys: { bsonType: 'array' },
    },
  },
};

interface WaitingQuery {
  readonly before: Date;
  readonly failedBefore: boolean;
  readonly except: readonly string[];
  readonly limit: number;
}

/** Enough of a flush to tell ops what waits. */
export interface WaitingFlush {
  readonly _id: string;
  readonly batches: readonly Pick<FlushBatch, 'appId' | 'from' | 'to'>[];
}

export interface Backlog {
  readonly flushes: number;
  readonly bytes: number;
  readonly oldestAt: Date | null;
  readonly failed: number;
}

/** What became of a batch. */
export interface Receipt extends Accepted {
  readonly state: 'pending' | 'stored' | 'failed';
  readonly stored: number;
  readonly duplicates: number;
  readonly expired: number;
  readonly refused: number;
  readonly receivedAt: Date;
  readonly storedAt: Date | null;
}

export function spool(db: Db) {
  const collection = db.collection<FlushDoc>(ingestSpoolSpec.name);
  const majority = { readConcern: { level: 'majority' as const }, readPreference: 'primary' as const };

  return {
    /** The dedupe window: how long a resend is recognised after its flush was stored. */
    async keepKeys(hours: number): Promise<void> {
      const index = { name: DEDUPE_INDEX, expireAfterSeconds: hours * 3600 };
      await db.command({ collMod: ingestSpoolSpec.name, index });
    },

    insert: async (flush: FlushDoc, session?: ClientSession): Promise<void> => {
      await collection.insertOne(flush, session && { session });
    },

    /** Without its keys, which the usual way does not need and which are most of its cost. */
    find: (id: string): Promise<KeylessFlush | null> =>
      collection.findOne<KeylessFlush>({ _id: id }, { ...majority, projection: { ids: 0, batches: 0, batchKeys: 0 } }),

    /** The flush with its keys. */
    findWhole: (id: string): Promise<FlushDoc | null> => collection.findOne({ _id: id }, majority),

    /** The flush under its next epoch, or null where somebody has stored it meanwhile. */
    takeOver: (id: string): Promise<FlushDoc | null> =>
      collection.findOneAndUpdate({ _id: id, state: 'new' }, { $inc: { epoch: 1 } }, { returnDocument: 'after' }),

    /** False where a newer owner has taken over: nothing may be written then. */
    async leaveOut({ _id, epoch, skip, refused = [] }: LeftOut): Promise<boolean> {
      const leftOut = { skip, ...(refused.length > 0 && { refused }) };
      const { matchedCount } = await collection.updateOne({ _id, state: 'new', epoch }, { $set: leftOut });
      return matchedCount === 1;
    },

    /** The end of a flush, inside its last transaction. False where it was stored before or has a newer owner. */
    async markStored(
      { _id, epoch, refused, replays }: StoredFlush,
      doneAt: Date,
      session: ClientSession,
    ): Promise<boolean> {
      const { matchedCount } = await collection.updateOne(
        { _id, state: 'new', epoch },
        {
          $set: { state: 'stored', doneAt, ...(refused && { refused }) },
          $unset: { bytes: 1, rollups: 1, touches: 1, writes: 1 },
        },
        { session },
      );
      if (matchedCount === 1 && replays) await noteReplayed(collection, { replays, refused: refused ?? [] }, session);
      return matchedCount === 1;
    },

    /** It cannot be read: set aside with all it holds, for `replayFailed` after the fix. */
    async markFailed(id: string, failure: string): Promise<void> {
      await collection.updateOne({ _id: id, state: 'new' }, { $set: { state: 'failed', failure } });
    },

    async replayFailed(): Promise<number> {
      const { modifiedCount } = await collection.updateMany({ state: 'failed' }, { $set: { state: 'new' } });
      return modifiedCount;
    },

    /**
     * Flushes that wait since before `before`: those that no run has failed on, oldest first, or those that one has,
     * the fewest failed runs first, so that all have their turn.
     */
    waiting: ({ before, failedBefore, except, limit }: WaitingQuery): Promise<WaitingFlush[]> =>
      collection
        .find({
          state: 'new',
          failedRuns: failedBefore ? { $gt: 0 } : { $exists: false },
          at: { $lt: before },
          _id: { $nin: except },
        })
        .project<WaitingFlush>({ _id: 1, 'batches.appId': 1, 'batches.from': 1, 'batches.to': 1 })
        .sort({ failedRuns: 1, at: 1 })
        .limit(limit)
        .hint(WAITING_INDEX)
        .toArray(),

    /** Idempotent by the run: that it failed counts once. */
    async recordFailedRun(id: string, failed: FailedRun): Promise<void> {
      await collection.updateOne(
        { _id: id, state: 'new', 'lastFailedRun.runId': { $ne: failed.runId } },
        { $inc: { failedRuns: 1 }, $set: { lastFailedRun: failed } },
      );
    },

    async backlog(): Promise<Backlog> {
      const [waiting] = await collection
        .aggregate<{ flushes: number; bytes: number; oldestAt: Date }>([
          { $match: { state: 'new' } },
          { $group: { _id: null, flushes: { $sum: 1 }, bytes: { $sum: '$size' }, oldestAt: { $min: '$at' } } },
        ])
        .toArray();
      const failed = await collection.countDocuments({ state: 'failed' });
      return {
        flushes: waiting?.flushes ?? 0,
        bytes: waiting?.bytes ?? 0,
        oldestAt: waiting?.oldestAt ?? null,
        failed,
      };
    },

    /** The flushes that hold any of these batch keys, without their items. */
    holdersOfBatches: (keys: readonly Binary[]): Promise<Pick<FlushDoc, 'batches'>[]> =>
      collection.find({ batchKeys: { $in: keys } }, { ...majority, projection: { _id: 0, batches: 1 } }).toArray(),

    /** Which of `ids` are held, flush by flush; at most `limit` flushes. Never whole arrays. */
    holdersOfItems: (ids: readonly Binary[], limit: number): Promise<{ held: Binary[] }[]> =>
      collection
        .aggregate<{ held: Binary[] }>(
          [
            { $match: { ids: { $in: ids } } },
            { $limit: limit },
            { $project: { _id: 0, held: { $setIntersection: ['$ids', ids] } } },
          ],
          majority,
        )
        .toArray(),

    async receipt(appId: ObjectId, key: Uint8Array): Promise<Receipt | null> {
      const filter: Filter<FlushDoc> = { batchKeys: new Binary(key) };
      const flush = await collection.findOne(filter, { ...majority, projection: { ids: 0, bytes: 0, rollups: 0 } });
      const batch = flush?.batches.find((each) => Buffer.from(each.key.buffer).equals(key));
      if (!flush || !batch?.appId.equals(appId)) return null;
      const isOwn = (index: number): boolean => index >= batch.from && index < batch.to;
      const expired = flush.skip.filter(isOwn).length;
      const refused = (flush.refused ?? []).filter(({ at }) => isOwn(at)).length;
      const own = batch.to - batch.from;
      return {
        batchId: batchId(key),
        state: flush.state === 'new' ? 'pending' : flush.state,
        accepted: batch.accepted,
        stored: flush.state === 'stored' ? own - expired - refused : 0,
        duplicates: batch.accepted - own,
        expired,
        refused,
        rejected: batch.rejected,
        receivedAt: flush.at,
        storedAt: flush.doneAt ?? null,
      };
    },
  };
}

export type Spool = ReturnType<typeof spool>;
