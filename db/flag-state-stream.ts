import type { ChangeStreamDocument, Db, Document, ObjectId } from 'mongodb';
import { type FlagStateDoc, flagStatesSpec } from './flag-states.js';

/** What became new of where an app's definitions stand. */
export interface FlagStateChange {
  readonly appId: ObjectId;
  readonly version?: number;
  readonly computed?: number;
}

export interface FlagStateStream {
  /** The next change; undefined when there was none since it was asked. @throws when the stream is broken for good */
  next(): Promise<FlagStateChange | undefined>;
  close(): Promise<void>;
}

/** How long the server waits for a change before it says that there is none. */
const WAIT_MS = 500;

/** A pass writes its progress into the same documents, which changes no answer. */
const WHAT_COUNTS: Document[] = [
  {
    $match: {
      $or: [
        { operationType: { $ne: 'update' } },
        { 'updateDescription.updatedFields.version': { $exists: true } },
        { 'updateDescription.updatedFields.computed': { $exists: true } },
      ],
    },
  },
];

/** All apps' changes from now on. Where the server was away for a moment, the driver goes on where it was. */
export function watchFlagStates(db: Db): FlagStateStream {
  const stream = db.collection<FlagStateDoc>(flagStatesSpec.name).watch(WHAT_COUNTS, { maxAwaitTimeMS: WAIT_MS });
  return {
    async next() {
      const change = await stream.tryNext();
      return change === null ? undefined : changeOf(change);
    },
    close: () => stream.close(),
  };
}

function changeOf(change: ChangeStreamDocument<FlagStateDoc>): FlagStateChange {
  switch (change.operationType) {
    case 'insert':
    case 'replace': {
      const { _id: appId, version, computed } = change.fullDocument;
      return { appId, version, computed };
    }
    case 'update': {
      const { version, computed } = change.updateDescription.updatedFields ?? {};
      return {
        appId: change.documentKey._id,
        ...(version !== undefined && { version }),
        ...(computed !== undefined && { computed }),
      };
    }
    default:
      throw new Error(`the collection of flag states met a ${change.operationType}`);
  }
}
