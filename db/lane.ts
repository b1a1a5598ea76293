import { type Binary, type ClientSession, type Db, type Document, Long, type MongoClient } from 'mongodb';
import type { CollectionSpec } from './collection.js';
import { failureKind } from './failure.js';
import { binary, date, documentOf, number } from './json-schema.js';
import { rawDocuments, throwIfRefused } from './raw-insert.js';

/** The part of the driver that a lane needs and the driver keeps to itself; `test/db/lane.test.ts` guards them. */
interface DriverServerSession {
  id: { id: Binary };
  isDirty: boolean;
}

interface LaneFenceDoc {
  readonly _id: Binary;
  readonly fences: number;
  readonly at: Date;
}

/** The fences of take-overs; mongod forgets a lane after 30 minutes, its fence is kept a day for the curious. */
export const laneFencesSpec: CollectionSpec = {
  name: 'lane_fences',
  indexes: [{ key: { at: 1 }, name: 'expiry', expireAfterSeconds: 86_400 }],
  jsonSchema: documentOf<LaneFenceDoc>({ _id: binary, fences: number, at: date }),
};

const MAJORITY = { w: 'majority', j: true } as const;

/** A newer owner has written in the lane, or mongod has forgotten part of what was written. */
export const laneWasTaken = (error: unknown): boolean => failureKind(error) === 'lane';

/** What its holder can do in a lane. */
export interface Lane {
  readonly session: ClientSession;
  /** Inserts BSON documents, one after the other in `bytes`, as one command. Nothing to insert: nothing is sent. */
  readonly insert: (txnNumber: number, collection: string, bytes: Uint8Array) => Promise<void>;
  /** After it, nothing sent under a lower number can be stored any more, and `session` reads all that was. */
  readonly fence: (txnNumber: number) => Promise<void>;
}

/**
 * Runs commands in a session whose id is ours to choose. mongod stores each statement of a (session, txnNumber) once,
 * however often and however late the command arrives, and refuses a lower txnNumber with 225: so two tries of one
 * insert are one, also into a time-series collection, which has no unique index. mongod forgets a session after
 * 30 minutes without use; callers stop trusting it after 15.
 */
export function lanes(client: MongoClient, db: Db) {
  const write = async (session: ClientSession, txnNumber: number, command: Document): Promise<void> => {
    const numbered = { ...command, txnNumber: Long.fromNumber(txnNumber), writeConcern: MAJORITY };
    throwIfRefused(await db.command(numbered, { session }));
  };

  return {
    /** Gives a lane to `work` and takes it back after. A lane holds one insert of one content, tried any number of times. */
    async use<T>(lane: Binary, work: (lane: Lane) => Promise<T>): Promise<T> {
      const session = client.startSession({ causalConsistency: true });
      const server = (session as unknown as { serverSession: DriverServerSession }).serverSession;
      server.id = { id: lane };
      // A dirty session never goes back to the pool, so nothing else is ever written in this lane.
      server.isDirty = true;
      try {
        return await work({
          session,
          insert: async (txnNumber, collection, bytes) => {
            if (bytes.length === 0) return;
            await write(session, txnNumber, { insert: collection, documents: rawDocuments(bytes), ordered: false });
          },
          // It must really change something: a write without an oplog entry is forgotten at a failover.
          fence: (txnNumber) =>
            write(session, txnNumber, {
              update: laneFencesSpec.name,
              updates: [{ q: { _id: lane }, u: { $inc: { fences: 1 }, $set: { at: new Date() } }, upsert: true }],
            }),
        });
      } finally {
        await session.endSession();
      }
    },
  };
}

export type Lanes = ReturnType<typeof lanes>;
