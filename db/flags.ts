import type { ClientSession, Db, Filter, ObjectId } from 'mongodb';
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
import { DEFINITIONS_AT_ONCE, slices } from './slices.js';

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

export const flagDefinitionFields = {
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
};

export const flagsSpec: CollectionSpec = {
  name: 'feature_flags',
  indexes: [{ key: { appId: 1, key: 1 }, name: 'once_per_app', unique: true }],
  jsonSchema: documentOf<FlagDoc>({ _id: objectId, appId: objectId, ...flagDefinitionFields }),
};

/** What lists show of a flag: not its values and rules, which may be large. */
export interface ListedFlag extends Omit<FlagDoc, 'defaultValue' | 'rules' | 'valueSchema' | 'prerequisites'> {
  /** How many. */
  readonly rules: number;
}

export interface FlagQuery {
  readonly appId: ObjectId;
  readonly limit: number;
  readonly archived: boolean;
  readonly tag?: string | undefined;
  readonly owner?: ObjectId | undefined;
  /** A part of its key or its description, whatever the case. */
  readonly text?: string | undefined;
  /** Keys after this one. */
  readonly after?: string | undefined;
}

/** A flag as far as other flags depend on it. */
export type FlagLinks = Pick<FlagDoc, 'key' | 'type' | 'prerequisites'>;

const LINKS = { key: 1, type: 1, prerequisites: 1 } as const;
const SEGMENT_OPERATORS = ['in_segment', 'not_in_segment'];

export function flags(db: Db) {
  const collection = db.collection<FlagDoc>(flagsSpec.name);

  return {
    async find(appId: ObjectId, key: string, session?: ClientSession): Promise<FlagDoc | undefined> {
      return (await collection.findOne({ appId, key }, session === undefined ? {} : { session })) ?? undefined;
    },

    async findMany(session: ClientSession, appId: ObjectId, keys: readonly string[]): Promise<FlagDoc[]> {
      const options = { session, batchSize: DEFINITIONS_AT_ONCE };
      return collection.find({ appId, key: { $in: [...keys] } }, options).toArray();
    },

    /** By key. */
    async page({ appId, limit, archived, tag, owner, text, after }: FlagQuery): Promise<ListedFlag[]> {
      const filter: Filter<FlagDoc> = {
        appId,
        archivedAt: archived ? { $ne: null } : null,
        ...(after === undefined ? {} : { key: { $gt: after } }),
        ...(tag === undefined ? {} : { tags: tag }),
        ...(owner === undefined ? {} : { owner }),
        ...(text === undefined ? {} : { $or: [{ key: contains(text) }, { description: contains(text) }] }),
      };
      return collection
        .aggregate<ListedFlag>([
          { $match: filter },
          { $sort: { key: 1 } },
          { $limit: limit },
          { $unset: ['defaultValue', 'valueSchema', 'prerequisites'] },
          { $set: { rules: { $size: '$rules' } } },
        ])
        .toArray();
    },

    /** Of all that are not archived. */
    async links(session: ClientSession, appId: ObjectId): Promise<FlagLinks[]> {
      return collection.find<FlagLinks>({ appId, archivedAt: null }, { session, projection: LINKS }).toArray();
    },

    async countArchived(session: ClientSession, appId: ObjectId): Promise<number> {
      return collection.countDocuments({ appId, archivedAt: { $ne: null } }, { session });
    },

    /** Keys of flags that are not archived and have a rule with this segment. */
    async namingSegment(session: ClientSession, appId: ObjectId, segment: string): Promise<string[]> {
      const named = { $elemMatch: { operator: { $in: SEGMENT_OPERATORS }, values: segment } };
      const filter: Filter<FlagDoc> = { appId, archivedAt: null, 'rules.conditions': named };
      const found = await collection
        .find(filter, { session, projection: { key: 1 } })
        .sort({ key: 1 })
        .toArray();
      return found.map(({ key }) => key);
    },

    /** Each as it now is, new ones too. */
    async put(session: ClientSession, docs: readonly FlagDoc[]): Promise<void> {
      for (const some of slices(docs, DEFINITIONS_AT_ONCE)) {
        const writes = some.map((doc) => ({
          replaceOne: { filter: { _id: doc._id }, replacement: doc, upsert: true },
        }));
        await collection.bulkWrite(writes, { session });
      }
    },
  };
}

const contains = (text: string) => ({ $regex: text.replaceAll(/[^\p{L}\p{N}]/gu, String.raw`\$&`), $options: 'i' });

export type Flags = ReturnType<typeof flags>;
