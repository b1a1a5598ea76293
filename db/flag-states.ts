import type { ObjectId } from 'mongodb';
import type { CollectionSpec } from './collection.js';
import { date, documentOf, nullable, number, objectId, optional, string } from './json-schema.js';

/** A pass that brings the sets of an app to a version, as it goes. */
export interface FlagPassDoc {
  readonly version: number;
  readonly profiles: number;
  readonly rewritten: number;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
}

/**
 * Where the definitions of an app stand: one document each. Every change of a flag or a segment adds one to `version`
 * in its own transaction, which orders the changes of different flags; every process follows it.
 */
export interface FlagStateDoc {
  /** The app's. */
  readonly _id: ObjectId;
  /** The slug, for people. */
  readonly app: string;
  readonly version: number;
  readonly changedAt: Date;
  /** All sets were brought to this version: those with a lower `v` that is not 0 are right for it as they are. */
  readonly computed: number;
  readonly pass?: FlagPassDoc;
}

export const flagStatesSpec: CollectionSpec = {
  name: 'flag_states',
  indexes: [],
  jsonSchema: documentOf<FlagStateDoc>({
    _id: objectId,
    app: string,
    version: number,
    changedAt: date,
    computed: number,
    pass: optional(
      documentOf<FlagPassDoc>({
        version: number,
        profiles: number,
        rewritten: number,
        startedAt: date,
        endedAt: nullable(date),
      }),
    ),
  }),
};
