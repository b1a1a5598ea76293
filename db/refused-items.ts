import { hash } from 'node:crypto';
import { Binary, BSON, type ClientSession, type Db, type ObjectId } from 'mongodb';
import type { CollectionSpec } from './collection.js';
import { ITEM_KEY_BYTES, ITEM_KINDS, type ItemKind } from './ids.js';
import { anything, binary, date, documentOf, mapOf, objectId, oneOf, optional, string } from './json-schema.js';

/** What an item of a flush is, or that it is none: a write without a key, such as what was dropped and only counted. */
const REFUSED_KINDS = [...ITEM_KINDS, 'other'] as const;

/**
 * An acknowledged item that MongoDB does not take. It waits here until the fault is mended and ops have it replayed;
 * it keeps its claim, so that a resend is a duplicate meanwhile.
 */
export interface RefusedItemDoc {
  /** The item's key. */
  readonly _id: Binary;
  readonly flushId: string;
  readonly appId: ObjectId;
  readonly kind: ItemKind | 'other';
  /** Its document, where it has one. */
  readonly bson?: Binary;
  /** What it does, where it has no document. */
  readonly write?: Readonly<Record<string, unknown>>;
  /** `DocumentValidationFailure`, `TypeError`, ... */
  readonly code: string;
  readonly reason: string;
  readonly at: Date;
}

export const refusedItemsSpec: CollectionSpec = {
  name: 'refused_items',
  indexes: [
    { key: { appId: 1, at: 1 }, name: 'by_app_time' },
    { key: { at: 1 }, name: 'by_time' },
  ],
  jsonSchema: documentOf<RefusedItemDoc>({
    _id: binary,
    flushId: string,
    appId: objectId,
    kind: oneOf(REFUSED_KINDS),
    bson: optional(binary),
    write: optional(mapOf(anything)),
    code: string,
    reason: string,
    at: date,
  }),
};

interface Refused extends Omit<RefusedItemDoc, '_id' | 'bson' | 'write'> {
  readonly key: Binary;
  readonly bytes: Uint8Array | undefined;
  readonly write: object | undefined;
}

/** What cannot even be kept is refused with its reason alone. */
export const refusedRow = ({ key, bytes, write, ...facts }: Refused): RefusedItemDoc => ({
  _id: key,
  ...facts,
  ...(bytes && { bson: new Binary(bytes) }),
  ...(write && isWritable(write) && { write: { ...write } }),
});

function isWritable(write: object): boolean {
  try {
    return BSON.serialize(write).length > 0;
  } catch {
    return false;
  }
}

/** Of what is no item and has no key: its place among what is refused of its flush. */
export const keyOfOther = (flushId: string, index: number): Binary =>
  new Binary(hash('sha256', `${flushId}/${String(index)}`, 'buffer').subarray(0, ITEM_KEY_BYTES));

/** Of an app, with all they hold; of those beyond it only the reason is kept. */
const MOST_WHOLE = 1_000;

export function refusedItems(db: Db) {
  const collection = db.collection<RefusedItemDoc>(refusedItemsSpec.name);
  return {
    /** Inside the last transaction of their flush. Idempotent: a key is refused once. */
    async keep(items: readonly RefusedItemDoc[], session: ClientSession): Promise<void> {
      if (items.length === 0) return;
      const room = new Map<string, number>();
      const writes = [];
      for (const item of items) {
        const app = item.appId.toHexString();
        const left =
          room.get(app) ?? MOST_WHOLE - (await collection.countDocuments({ appId: item.appId }, { session }));
        room.set(app, left - 1);
        const { _id, bson, write, ...facts } = item;
        const content = left > 0 ? { ...(bson && { bson }), ...(write && { write }) } : {};
        writes.push({
          updateOne: { filter: { _id }, update: { $setOnInsert: { ...facts, ...content } }, upsert: true },
        });
      }
      await collection.bulkWrite(writes, { session, ordered: false });
    },

    /** The oldest, of those that were refused before and are kept whole. */
    oldest: (limit: number, before: Date, session: ClientSession): Promise<RefusedItemDoc[]> =>
      collection
        .find({ at: { $lt: before }, $or: [{ bson: { $exists: true } }, { write: { $exists: true } }] }, { session })
        .sort({ at: 1 })
        .limit(limit)
        .toArray(),

    async remove(ids: readonly Binary[], session: ClientSession): Promise<void> {
      await collection.deleteMany({ _id: { $in: [...ids] } }, { session });
    },
  };
}

export type RefusedItems = ReturnType<typeof refusedItems>;
