import type { ChangeStreamDocument, Db, Document, ObjectId } from 'mongodb';
import { type Changes, changesOf } from './changes.js';
import { type FlagStateDoc, flagStatesSpec } from './flag-states.js';

/** What became new of where an app's definitions stand. */
export interface FlagStateChange {
  readonly appId: ObjectId;
  readonly version?: number;
  readonly computed?: number;
  /** To which version a pass has begun to bring all sets. */
  readonly passing?: number;
}

export type FlagStateStream = Changes<FlagStateChange>;

/** How long the server waits for a change before it says that there is none. */
const WAIT_MS = 500;

/** A pass writes its progress into the same documents, which is nobody's business here. */
const WHAT_COUNTS: Document[] = [
  {
    $match: {
      $or: [
        { operationType: { $ne: 'update' } },
        { 'updateDescription.updatedFields.version': { $exists: true } },
        { 'updateDescription.updatedFields.computed': { $exists: true } },
        { 'updateDescription.updatedFields.pass': { $exists: true } },
      ],
    },
  },
];

/** All apps' changes from now on. */
export function watchFlagStates(db: Db): FlagStateStream {
  const stream = db.collection<FlagStateDoc>(flagStatesSpec.name).watch(WHAT_COUNTS, { maxAwaitTimeMS: WAIT_MS });
  return changesOf(stream, changeOf);
}

function changeOf(change: ChangeStreamDocument<FlagStateDoc>): FlagStateChange {
  switch (change.operationType) {
    case 'insert':
    case 'replace': {
      const { _id: appId, version, computed, pass } = change.fullDocument;
      return { appId, version, computed, ...(pass && { passing: pass.version }) };
    }
    case 'update': {
      const { version, computed, pass } = change.updateDescription.updatedFields ?? {};
      return {
        appId: change.documentKey._id,
        ...(version !== undefined && { version }),
        ...(computed !== undefined && { computed }),
        ...(pass && { passing: pass.version }),
      };
    }
    default:
      throw new Error(`the collection of flag states met a ${change.operationType}`);
  }
}
