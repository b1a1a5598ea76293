import type { ObjectId } from 'mongodb';
import {
  FLAG_TYPES,
  type FlagCondition,
  type FlagRule,
  type FlagType,
  type FlagVariant,
  type Prerequisite,
} from '../domain/flag.js';
import type { CollectionSpec } from './collection.js';
import {
  anything,
  arrayOf,
  boolean,
  date,
  documentOf,
  nullable,
  number,
  objectId,
  oneOf,
  optional,
  string,
} from './json-schema.js';

/** The definition of a feature flag. */
export interface FlagDoc {
  readonly _id: ObjectId;
  readonly appId: ObjectId;
  readonly key: string;
  readonly description: string;
  readonly type: FlagType;
  readonly defaultValue: unknown;
  readonly enabled: boolean;
  readonly rules: readonly FlagRule[];
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly createdBy: ObjectId;

  /** Absent in documents of the seed's shape: then 1, and nothing of the others. Each change adds one. */
  readonly version?: number;
  readonly owner?: ObjectId | null;
  readonly tags?: readonly string[];
  readonly expiresAt?: Date | null;
  /** JSON Schema (a draft 2020-12 subset) for values of type `json`, as JSON text. */
  readonly valueSchema?: string | null;
  readonly prerequisites?: readonly Prerequisite[];
  /** The kill switch: while it is set, the flag answers its default, and no automatic change is made to it. */
  readonly killedAt?: Date | null;
  readonly archivedAt?: Date | null;
}

const percentage = { ...number, minimum: 0, maximum: 100 };
export const conditionSchema = documentOf<FlagCondition>({
  attribute: string,
  operator: string,
  values: arrayOf(string),
  caseInsensitive: optional(boolean),
});

export const flagsSpec: CollectionSpec = {
  name: 'feature_flags',
  indexes: [{ key: { appId: 1, key: 1 }, name: 'once_per_app', unique: true }],
  jsonSchema: documentOf<FlagDoc>({
    _id: objectId,
    appId: objectId,
    key: string,
    description: string,
    type: oneOf(FLAG_TYPES),
    defaultValue: anything,
    enabled: boolean,
    rules: arrayOf(
      documentOf<FlagRule>({
        ruleId: string,
        priority: number,
        conditions: arrayOf(conditionSchema),
        value: anything,
        rolloutPercentage: percentage,
        experimentId: nullable(string),
        variants: optional(arrayOf(documentOf<FlagVariant>({ key: string, value: anything, weight: number }))),
        bucketBy: optional(string),
      }),
    ),
    createdAt: date,
    updatedAt: date,
    createdBy: objectId,
    version: optional(number),
    owner: optional(nullable(objectId)),
    tags: optional(arrayOf(string)),
    expiresAt: optional(nullable(date)),
    valueSchema: optional(nullable(string)),
    prerequisites: optional(arrayOf(documentOf<Prerequisite>({ flagKey: string, values: arrayOf(anything) }))),
    killedAt: optional(nullable(date)),
    archivedAt: optional(nullable(date)),
  }),
};
