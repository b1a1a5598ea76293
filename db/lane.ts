import { createRequire } from 'node:module';
import {
  type Binary,
  type ClientSession,
  type Db,
  type Document,
  Long,
  type MongoClient,
  MongoServerError,
} from 'mongodb';

/** The parts of the driver that a lane needs and the driver keeps to itself; `test/db/lane.test.ts` guards them. */
interface DriverServerSession {
  id: { id: Binary };
  isDirty: boolean;
}
interface DriverDocumentSequence {
  push(document: Document, bytes: Uint8Array): number;
}
const { DocumentSequence } = createRequire(import.meta.url)('mongodb/lib/cmap/commands') as {
  DocumentSequence: new (field: string) => DriverDocumentSequence;
};

const MAJORITY = { w: 'majority', j: true } as const;

/** What mongod answers when a newer owner has written in the lane, or has forgotten part of what was written. */
const SUPERSEDED = 225;
const INCOMPLETE_HISTORY = 217;
export const laneWasTaken = (error: unknown): boolean =>
  error instanceof MongoServerError && (error.code === SUPERSEDED || error.code === INCOMPLETE_HISTORY);

/**
 * Runs commands in a session whose id is ours to choose. mongod stores each statement of a (session, txnNumber) once,
 * however often and however late the command arrives, and refuses a lower txnNumber with 225: so two tries of one
 * insert are one, also into a time-series collection, which has no unique index. mongod forgets a session after
 * 30 minutes without use; callers stop trusting it after 15.
 */
export function lanes(client: MongoClient, db: Db) {
  const inLane = async <T>(lane: Binary, use: (session: ClientSession) => Promise<T>): Promise<T> => {
    const session = client.startSession({ causalConsistency: true });
    const server = (session as unknown as { serverSession: DriverServerSession }).serverSession;
    server.id = { id: lane };
    // A dirty session never goes back to the pool, so nothing else is ever written in this lane.
    server.isDirty = true;
    try {
      return await use(session);
    } finally {
      await session.endSession();
    }
  };

  const write = async (session: ClientSession, txnNumber: number, command: Document): Promise<void> => {
    const answer = await db.command(
      { ...command, txnNumber: Long.fromNumber(txnNumber), writeConcern: MAJORITY },
      { session },
    );
    const failed =
      (answer['writeErrors'] as Document[] | undefined)?.[0] ?? (answer['writeConcernError'] as Document | undefined);
    if (failed !== undefined) throw new MongoServerError(failed);
  };

  /** Inserts BSON documents, one after the other in `bytes`, as one command. */
  const insert = (session: ClientSession, txnNumber: number, collection: string, bytes: Uint8Array): Promise<void> => {
    const documents = new DocumentSequence('documents');
    documents.push({}, bytes);
    return write(session, txnNumber, { insert: collection, documents, ordered: false });
  };

  return {
    /** The first owner's insert; the same bytes must be given at every try. */
    insertOnce: (lane: Binary, collection: string, bytes: Uint8Array): Promise<void> =>
      inLane(lane, (session) => insert(session, 1, collection, bytes)),

    /**
     * Takes the lane over as owner number `epoch`: after the fence nothing sent by an older owner can be stored any
     * more, so what `missing` then reads is final, and what it returns is inserted.
     * @param missing given a session that reads all that the fence has seen, the bytes still to insert
     */
    takeOver: (
      lane: Binary,
      epoch: number,
      collection: string,
      missing: (session: ClientSession) => Promise<Uint8Array>,
    ): Promise<void> =>
      inLane(lane, async (session) => {
        // It must really change something: a write without an oplog entry is forgotten at a failover.
        await write(session, 2 * epoch, {
          update: 'lane_fences',
          updates: [{ q: { _id: lane }, u: { $inc: { fences: 1 }, $set: { at: new Date() } }, upsert: true }],
        });
        const bytes = await missing(session);
        if (bytes.length > 0) await insert(session, 2 * epoch + 1, collection, bytes);
      }),
  };
}

export type Lanes = ReturnType<typeof lanes>;
