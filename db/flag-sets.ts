import type { Db, ObjectId } from 'mongodb';
import { type Reason, REASONS } from '../domain/flag.js';
import type { CollectionSpec } from './collection.js';
import { anything, date, documentOf, mapOf, number, objectId, oneOf, optional, string } from './json-schema.js';

/** Every flag of an app, evaluated beforehand for one profile. */
export interface FlagSetDoc {
  readonly _id: ObjectId;
  readonly profileId: ObjectId;
  readonly appId: ObjectId;
  /** Flag key to value. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly computedAt: Date;

  /** The version of the app's definitions it was computed by; 0: the profile has changed since, or it never was. */
  readonly v?: number;
  /** Grows with each change of the profile's attributes or alias, in that change's transaction. Absent: 0. */
  readonly profileRev?: number;
  /** The profile that this id is another name of, and whose set stands for it. */
  readonly aliasOf?: ObjectId;
  /** Why each flag is so, by flag key; a flag that is not there is `STATIC`. */
  readonly reasons?: Readonly<Record<string, StoredReason>>;
  /** Of values and reasons: two sets with the same one answer the same. */
  readonly digest?: string;
}

/** What an answer needs beside the value; the flag's version is that of the definitions. */
export interface StoredReason {
  readonly reason: Reason;
  readonly variant?: string;
  readonly ruleId?: string;
  /** 1 to 100, where a percentage or a variant decided. */
  readonly bucket?: number;
}

export const flagSetsSpec: CollectionSpec = {
  name: 'user_flag_sets',
  indexes: [{ key: { profileId: 1, appId: 1 }, name: 'once_per_profile', unique: true }],
  jsonSchema: documentOf<FlagSetDoc>({
    _id: objectId,
    profileId: objectId,
    appId: objectId,
    flags: mapOf(anything),
    computedAt: date,
    v: optional(number),
    profileRev: optional(number),
    aliasOf: optional(objectId),
    reasons: optional(
      mapOf(
        documentOf<StoredReason>({
          reason: oneOf(REASONS),
          variant: optional(string),
          ruleId: optional(string),
          bucket: optional(number),
        }),
      ),
    ),
    digest: optional(string),
  }),
};

export function flagSets(db: Db) {
  const collection = db.collection<FlagSetDoc>(flagSetsSpec.name);
  return {
    /** The flags of those profiles that have a set, by hex of the profile. */
    async of(appId: ObjectId, profileIds: readonly ObjectId[]): Promise<ReadonlyMap<string, FlagSetDoc['flags']>> {
      if (profileIds.length === 0) return new Map();
      const sets = await collection
        .find({ appId, profileId: { $in: [...profileIds] } }, { projection: { profileId: 1, flags: 1 } })
        .toArray();
      return new Map(sets.map(({ profileId, flags }) => [profileId.toHexString(), flags]));
    },
  };
}

export type FlagSets = ReturnType<typeof flagSets>;
