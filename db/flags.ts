import type { ObjectId } from 'mongodb';
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
  string,
} from './json-schema.js';

const TYPES = ['boolean', 'string', 'number', 'json'] as const;

interface ConditionDoc {
  readonly attribute: string;
  readonly operator: string;
  readonly values: readonly string[];
}

interface RuleDoc {
  readonly ruleId: string;
  readonly priority: number;
  readonly conditions: readonly ConditionDoc[];
  readonly value: unknown;
  /** A whole number from 0 to 100. */
  readonly rolloutPercentage: number;
  readonly experimentId: string | null;
}

/** The definition of a feature flag. */
export interface FlagDoc {
  readonly _id: ObjectId;
  readonly appId: ObjectId;
  readonly key: string;
  readonly description: string;
  readonly type: (typeof TYPES)[number];
  readonly defaultValue: unknown;
  readonly enabled: boolean;
  readonly rules: readonly RuleDoc[];
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly createdBy: ObjectId;
}

const percentage = { ...number, minimum: 0, maximum: 100 };

export const flagsSpec: CollectionSpec = {
  name: 'feature_flags',
  indexes: [{ key: { appId: 1, key: 1 }, name: 'once_per_app', unique: true }],
  jsonSchema: documentOf<FlagDoc>({
    _id: objectId,
    appId: objectId,
    key: string,
    description: string,
    type: oneOf(TYPES),
    defaultValue: anything,
    enabled: boolean,
    rules: arrayOf(
      documentOf<RuleDoc>({
        ruleId: string,
        priority: number,
        conditions: arrayOf(documentOf<ConditionDoc>({ attribute: string, operator: string, values: arrayOf(string) })),
        value: anything,
        rolloutPercentage: percentage,
        experimentId: nullable(string),
      }),
    ),
    createdAt: date,
    updatedAt: date,
    createdBy: objectId,
  }),
};
