import type { Db, ObjectId } from 'mongodb';
import type { StoredReason } from '../domain/flag-set.js';
import type { CollectionSpec } from './collection.js';
import { anything, date, documentOf, mapOf, number, objectId, optional, string } from './json-schema.js';

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
  /**
   * Why each flag is so, by flag key; a flag that is not there is `STATIC`. As JSON text: nobody searches by it, and a
   * document of a hundred parts costs the database more at each write than all the rest of the set.
   */
  readonly reasons?: string;
  /** Of values and reasons: two sets with the same one answer the same. */
  readonly digest?: string;
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
    reasons: optional(string),
    digest: optional(string),
  }),
};

/** Why each flag of a stored set is so. */
export const reasonsOf = ({ reasons }: Pick<FlagSetDoc, 'reasons'>): Readonly<Record<string, StoredReason>> =>
  reasons === undefined || reasons === '' ? {} : (JSON.parse(reasons) as Record<string, StoredReason>);

/** What a stored set is worth: `right` is served, `newer` is served by who then looks for the newer definitions too. */
export type SetStanding = 'right' | 'newer' | 'stale';

/**
 * Whether a set may be served for these definitions. One of a lower version is right where a pass has looked at every
 * set for theirs and has left this one as it was. For the races behind it see docs/adr/0014.
 */
export function standingOf(
  set: Pick<FlagSetDoc, 'v' | 'aliasOf'> | undefined,
  { version, computed }: { readonly version: number; readonly computed: number },
): SetStanding {
  if (set?.v === undefined || set.v === 0 || set.aliasOf !== undefined) return 'stale';
  if (set.v > version) return 'newer';
  return set.v === version || computed === version ? 'right' : 'stale';
}

export function flagSets(db: Db) {
  const collection = db.collection<FlagSetDoc>(flagSetsSpec.name);

  /** What profiles were last told, by hex of the profile; a set that is only a mark tells nothing. */
  async function told(appId: ObjectId, profileIds: readonly ObjectId[]) {
    // At one point in time: a set that is being replaced would be missed by a cursor that yields between old and new.
    const options = { projection: { profileId: 1, flags: 1, aliasOf: 1 }, readConcern: 'snapshot' } as const;
    const sets = await collection.find({ appId, profileId: { $in: [...profileIds] } }, options).toArray();
    return new Map(sets.map((set) => [set.profileId.toHexString(), set]));
  }

  return {
    async findMany(appId: ObjectId, profileIds: readonly ObjectId[]): Promise<FlagSetDoc[]> {
      return collection.find({ appId, profileId: { $in: [...profileIds] } }).toArray();
    },

    /** The flags of those profiles that have a set, their own or that of whom they are another name of. */
    async of(appId: ObjectId, profileIds: readonly ObjectId[]): Promise<ReadonlyMap<string, FlagSetDoc['flags']>> {
      if (profileIds.length === 0) return new Map();
      const own = await told(appId, profileIds);
      const others = [...own.values()].flatMap(({ aliasOf }) => (aliasOf === undefined ? [] : [aliasOf]));
      const theirs = others.length === 0 ? own : await told(appId, others);
      const found = new Map<string, FlagSetDoc['flags']>();
      for (const [hex, set] of own) {
        const { flags } = (set.aliasOf === undefined ? undefined : theirs.get(set.aliasOf.toHexString())) ?? set;
        if (Object.keys(flags).length > 0) found.set(hex, flags);
      }
      return found;
    },
  };
}

export type FlagSets = ReturnType<typeof flagSets>;
