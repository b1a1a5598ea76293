import type { ClientSession, Db, ObjectId } from 'mongodb';
import type { RollupCount } from '../domain/rollup.js';
import type { CollectionSpec } from './collection.js';

/** One writer slot's share of a count: the count of an hour is the sum over its slots. */
export interface EventRollupDoc extends RollupCount {
  readonly _id: string;
  readonly appId: ObjectId;
  readonly slot: number;
}

/** What one flush adds, as it waits in the spool. */
export interface RollupShare extends RollupCount {
  readonly appId: ObjectId;
}

export const eventRollupsSpec: CollectionSpec = {
  name: 'event_rollups',
  indexes: [{ key: { appId: 1, kind: 1, hour: 1 }, name: 'by_app_kind_hour' }],
  jsonSchema: {
    bsonType: 'object',
    required: ['appId', 'kind', 'hour', 'eventType', 'eventName', 'slot', 'count'],
    properties: {
      appId: { bsonType: 'objectId' },
      kind: { enum: ['events', 'heatmap'] },
      hour: { bsonType: 'number' },
      eventType: { bsonType: 'string' },
      eventName: { bsonType: 'string' },
      slot: { bsonType: 'number' },
      count: { bsonType: 'number' },
    },
  },
};

const SLOTS = 8;

/** Transactions that increment one document wait for each other, so flushes spread over slots by their id. */
const slotOf = (flushId: string): number => flushId.charCodeAt(flushId.length - 1) % SLOTS;

export function rollups(db: Db) {
  const collection = db.collection<EventRollupDoc>(eventRollupsSpec.name);
  return {
    /** Once only by its transaction: the caller's, which stores the flush. In key order, so that no two wait in a ring. */
    async add(flushId: string, shares: readonly RollupShare[], session: ClientSession): Promise<void> {
      if (shares.length === 0) return;
      const slot = slotOf(flushId);
      const writes = shares.map(({ appId, kind, hour, eventType, eventName, count }) => {
        const _id = [appId.toHexString(), kind, hour, slot, eventType, eventName].join('/');
        const update = { $inc: { count }, $setOnInsert: { appId, kind, hour, eventType, eventName, slot } };
        return { updateOne: { filter: { _id }, update, upsert: true } };
      });
      writes.sort((a, b) => (a.updateOne.filter._id < b.updateOne.filter._id ? -1 : 1));
      await collection.bulkWrite(writes, { session, ordered: true });
    },
  };
}

export type Rollups = ReturnType<typeof rollups>;
