import type { Db, ObjectId } from 'mongodb';
import type { CollectionSpec } from './collection.js';
import { anything, date, documentOf, mapOf, objectId } from './json-schema.js';

/** Every flag of an app, evaluated beforehand for one profile. */
export interface FlagSetDoc {
  readonly _id: ObjectId;
  readonly profileId: ObjectId;
  readonly appId: ObjectId;
  /** Flag key to value. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly computedAt: Date;
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
