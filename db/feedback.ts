import type { ClientSession, Db, ObjectId } from 'mongodb';
import type { BrowserContext } from '../domain/contexts.js';
import type { CollectionSpec } from './collection.js';
import { browserContext } from './contexts.js';
import { arrayOf, date, documentOf, nullable, number, objectId, oneOf, optional, string } from './json-schema.js';

const TYPES = ['bug', 'feature', 'comment', 'praise'] as const;
const STATUSES = ['new', 'acknowledged', 'in_progress', 'resolved', 'wont_fix'] as const;
const AUTHOR_TYPES = ['user', 'developer'] as const;

interface PostDoc {
  readonly authorId: ObjectId;
  readonly authorType: (typeof AUTHOR_TYPES)[number];
  readonly text: string;
  readonly createdAt: Date;
}

/** What a profile said about the app, and the thread that grew from it. */
export interface FeedbackDoc {
  readonly _id: ObjectId;
  readonly appId: ObjectId;
  readonly profileId: ObjectId;
  readonly type: (typeof TYPES)[number];
  readonly text: string;
  readonly screenshotUrl: string | null;
  readonly pageUrl: string;
  readonly browserContext: BrowserContext;
  readonly status: (typeof STATUSES)[number];
  readonly upvotes: number;
  readonly upvotedBy: readonly ObjectId[];
  readonly tags: readonly string[];
  readonly thread: readonly PostDoc[];
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** As the author gave them, for an answer. */
  readonly authorName?: string;
  readonly authorEmail?: string;
  /** The `errorId` of the occurrence it is about, which may come later than this. */
  readonly errorId?: string;
}

/** Feedback that came with a batch: it is stored as it is. */
export interface FeedbackWrite {
  readonly type: 'feedback';
  readonly document: FeedbackDoc;
}

export const feedbackSpec: CollectionSpec = {
  name: 'feedback',
  indexes: [
    { key: { appId: 1, status: 1 }, name: 'by_app_status' },
    { key: { appId: 1, type: 1 }, name: 'by_app_type' },
    { key: { appId: 1, upvotes: 1 }, name: 'by_app_upvotes' },
  ],
  jsonSchema: documentOf<FeedbackDoc>({
    _id: objectId,
    appId: objectId,
    profileId: objectId,
    type: oneOf(TYPES),
    text: string,
    screenshotUrl: nullable(string),
    pageUrl: string,
    browserContext,
    status: oneOf(STATUSES),
    upvotes: number,
    upvotedBy: arrayOf(objectId),
    tags: arrayOf(string),
    thread: arrayOf(
      documentOf<PostDoc>({ authorId: objectId, authorType: oneOf(AUTHOR_TYPES), text: string, createdAt: date }),
    ),
    createdAt: date,
    updatedAt: date,
    authorName: optional(string),
    authorEmail: optional(string),
    errorId: optional(string),
  }),
};

export function feedback(db: Db) {
  const collection = db.collection<FeedbackDoc>(feedbackSpec.name);
  return {
    /** Idempotent: feedback that was stored before, which a client may send again at any time, stays as it is. */
    async write(writes: readonly FeedbackWrite[], session: ClientSession): Promise<void> {
      if (writes.length === 0) return;
      const upserts = writes.map(({ document: { _id, ...rest } }) => ({
        updateOne: { filter: { _id }, update: { $setOnInsert: rest }, upsert: true },
      }));
      await collection.bulkWrite(upserts, { session });
    },
  };
}

export type Feedback = ReturnType<typeof feedback>;
