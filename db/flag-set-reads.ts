import type { Db, ObjectId } from 'mongodb';
import { type FlagSetDoc, flagSetsSpec } from './flag-sets.js';
import { type ProfileDoc, profilesSpec } from './profiles.js';

/** Whose set or profile is wanted. */
export interface ProfileRef {
  readonly appId: ObjectId;
  readonly profileId: ObjectId;
}

export type ReadSet = Omit<FlagSetDoc, '_id'>;
export type ReadProfile = Pick<ProfileDoc, 'appId' | 'profileId' | 'externalId' | 'attributes'>;

const SET = { _id: 0 } as const;
const PROFILE = { _id: 0, appId: 1, profileId: 1, externalId: 1, attributes: 1 } as const;

/** What an answer is made of, for many who ask at one moment, in one question each. */
export function flagSetReads(db: Db) {
  const sets = db.collection<FlagSetDoc>(flagSetsSpec.name);
  const profiles = db.collection<ProfileDoc>(profilesSpec.name);

  return {
    sets: (asked: readonly ProfileRef[]): Promise<ReadSet[]> =>
      sets.find<ReadSet>(among(asked), { projection: SET, batchSize: asked.length + 1 }).toArray(),

    profiles: (asked: readonly ProfileRef[]): Promise<ReadProfile[]> =>
      profiles.find<ReadProfile>(among(asked), { projection: PROFILE, batchSize: asked.length + 1 }).toArray(),
  };
}

export type FlagSetReads = ReturnType<typeof flagSetReads>;

/** One app's ids are hardly ever another's, so asking for all pairs finds little more than was asked. */
function among(asked: readonly ProfileRef[]) {
  const [first] = asked;
  if (first === undefined) throw new Error('nobody is asked for');
  if (asked.length === 1) return { appId: first.appId, profileId: first.profileId };
  return {
    appId: asked.every(({ appId }) => appId.equals(first.appId))
      ? first.appId
      : { $in: asked.map(({ appId }) => appId) },
    profileId: { $in: asked.map(({ profileId }) => profileId) },
  };
}
