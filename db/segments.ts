import type { ObjectId } from 'mongodb';
import type { FlagCondition, Segment } from '../domain/flag.js';
import type { CollectionSpec } from './collection.js';
import { conditionSchema } from './flags.js';
import { arrayOf, date, documentOf, number, objectId, string } from './json-schema.js';

/** A set of people that the rules of flags name by its key. */
export interface SegmentDoc {
  readonly _id: ObjectId;
  readonly appId: ObjectId;
  readonly key: string;
  readonly description: string;
  readonly clauses: Segment['clauses'];
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly createdBy: ObjectId;
}

export const segmentsSpec: CollectionSpec = {
  name: 'flag_segments',
  indexes: [{ key: { appId: 1, key: 1 }, name: 'once_per_app', unique: true }],
  jsonSchema: documentOf<SegmentDoc>({
    _id: objectId,
    appId: objectId,
    key: string,
    description: string,
    clauses: arrayOf(
      documentOf<{ readonly conditions: readonly FlagCondition[] }>({ conditions: arrayOf(conditionSchema) }),
    ),
    version: number,
    createdAt: date,
    updatedAt: date,
    createdBy: objectId,
  }),
};
