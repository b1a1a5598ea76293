import type { ObjectId } from 'mongodb';
import type { CollectionSpec } from './collection.js';
import { anything, date, documentOf, mapOf, nullable, objectId, optional, string } from './json-schema.js';

/** What happened to a group, for its timeline; and that a verb with this request id was carried out. */
export interface ErrorActivityDoc {
  readonly _id: ObjectId;
  readonly appId: ObjectId;
  readonly groupId: ObjectId;
  readonly at: Date;
  /** Null: the platform itself. */
  readonly actor: ObjectId | null;
  /** `assign`, `resolve`, `regressed`, ... */
  readonly verb: string;
  readonly facts: Readonly<Record<string, unknown>>;
  /** The caller's, or the platform's own: `regression/3`. */
  readonly requestId: string;
  /** Of a verb: what was asked and answered, so that asking again is answered the same. Not for the timeline. */
  readonly answer?: Readonly<Record<string, unknown>>;
}

export const errorActivitySpec: CollectionSpec = {
  name: 'error_activity',
  indexes: [
    { key: { groupId: 1, requestId: 1 }, name: 'once_per_request', unique: true },
    { key: { groupId: 1, at: -1 }, name: 'by_group_time' },
  ],
  jsonSchema: documentOf<ErrorActivityDoc>({
    _id: objectId,
    appId: objectId,
    groupId: objectId,
    at: date,
    actor: nullable(objectId),
    verb: string,
    facts: mapOf(anything),
    requestId: string,
    answer: optional(mapOf(anything)),
  }),
};
