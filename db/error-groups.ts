import type { ObjectId } from 'mongodb';
import type { CollectionSpec } from './collection.js';
import { arrayOf, date, documentOf, nullable, number, objectId, oneOf, string } from './json-schema.js';

const STATUSES = ['new', 'investigating', 'resolved', 'ignored'] as const;

interface CommentDoc {
  readonly authorId: ObjectId;
  readonly text: string;
  readonly createdAt: Date;
}

/** All occurrences that share a fingerprint. */
export interface ErrorGroupDoc {
  readonly _id: ObjectId;
  readonly appId: ObjectId;
  readonly fingerprint: string;
  /** The message of one occurrence, to stand for all. */
  readonly message: string;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
  readonly occurrenceCount: number;
  readonly affectedProfiles: number;
  readonly status: (typeof STATUSES)[number];
  readonly assignee: ObjectId | null;
  readonly comments: readonly CommentDoc[];
}

export const errorGroupsSpec: CollectionSpec = {
  name: 'error_groups',
  indexes: [{ key: { appId: 1, fingerprint: 1 }, name: 'once_per_app', unique: true }],
  jsonSchema: documentOf<ErrorGroupDoc>({
    _id: objectId,
    appId: objectId,
    fingerprint: string,
    message: string,
    firstSeen: date,
    lastSeen: date,
    occurrenceCount: number,
    affectedProfiles: number,
    status: oneOf(STATUSES),
    assignee: nullable(objectId),
    comments: arrayOf(documentOf<CommentDoc>({ authorId: objectId, text: string, createdAt: date })),
  }),
};
