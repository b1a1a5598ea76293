import { type AnyBulkWriteOperation, type ClientSession, type Db, ObjectId, type UpdateFilter } from 'mongodb';
import type { CollectionSpec } from './collection.js';
import { twice } from './duplicate-key.js';
import { type FlagSetDoc, flagSetsSpec } from './flag-sets.js';

export interface ProfileDoc {
  readonly appId: ObjectId;
  readonly profileId: ObjectId;
  readonly externalId: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** The client's time of the newest identify, so that a late one does not overwrite it. */
  readonly attributesAt?: Date;
  /** Of the write that last changed the attributes. */
  readonly attributesChange?: ObjectId;
  /** Since when the id is known to be somebody's, and not a visitor's that nobody knows. Never taken back. */
  readonly identifiedAt?: Date;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
}

export interface ProfileAliasDoc {
  readonly appId: ObjectId;
  readonly from: ObjectId;
  readonly to: ObjectId;
  readonly at: Date;
}

export const profilesSpec: CollectionSpec = {
  name: 'profiles',
  indexes: [{ key: { appId: 1, profileId: 1 }, name: 'by_app_profile', unique: true }],
  jsonSchema: {
    bsonType: 'object',
    required: ['appId', 'profileId', 'externalId', 'attributes', 'firstSeen', 'lastSeen'],
    properties: {
      appId: { bsonType: 'objectId' },
      profileId: { bsonType: 'objectId' },
      externalId: { bsonType: 'string' },
      attributes: { bsonType: 'object' },
      identifiedAt: { bsonType: 'date' },
      firstSeen: { bsonType: 'date' },
      lastSeen: { bsonType: 'date' },
    },
  },
};

export const profileAliasesSpec: CollectionSpec = {
  name: 'profile_aliases',
  indexes: [
    { key: { appId: 1, from: 1 }, name: 'by_app_from', unique: true },
    { key: { appId: 1, to: 1 }, name: 'by_app_to' },
  ],
  jsonSchema: {
    bsonType: 'object',
    required: ['appId', 'from', 'to', 'at'],
    properties: {
      appId: { bsonType: 'objectId' },
      from: { bsonType: 'objectId' },
      to: { bsonType: 'objectId' },
      at: { bsonType: 'date' },
    },
  },
};

/** That a profile was seen; at most one a profile, day and API process. */
export interface ProfileTouch {
  readonly appId: ObjectId;
  readonly profileId: ObjectId;
  readonly externalId: string;
  readonly at: Date;
}

/** What a client states about a profile: attributes to merge, or that two ids are one person. */
export type ProfileWrite =
  | (ProfileTouch & {
      readonly type: 'identify';
      readonly attributes: Readonly<Record<string, unknown>>;
      readonly identifies?: boolean;
    })
  | {
      readonly type: 'alias';
      readonly appId: ObjectId;
      readonly from: ObjectId;
      readonly to: ObjectId;
      readonly at: Date;
      /** Whether nobody vouched for `from`, where the app demands it. */
      readonly isFromUnproved?: boolean;
    };

type ProfileId = Pick<ProfileDoc, 'appId' | 'profileId'>;
type IdentifyWrite = Extract<ProfileWrite, { type: 'identify' }>;
type AliasWrite = Extract<ProfileWrite, { type: 'alias' }>;

interface Marks {
  readonly changed: readonly ProfileId[];
  readonly joined: readonly AliasWrite[];
}

export function profiles(db: Db) {
  const collection = db.collection<ProfileDoc>('profiles');
  const aliases = db.collection<ProfileAliasDoc>('profile_aliases');
  const sets = db.collection<FlagSetDoc>(flagSetsSpec.name);

  /** A client that says at each visit what is known of somebody changes nothing, and costs no set. */
  async function changedBy(writes: readonly ProfileId[], change: ObjectId, session: ClientSession) {
    const changed: ProfileId[] = [];
    for (const { appId, profileIds } of byApp(writes)) {
      const found = await collection
        .find(
          { appId, profileId: { $in: profileIds }, attributesChange: change },
          { session, projection: { _id: 0, profileId: 1 }, batchSize: writes.length + 1 },
        )
        .toArray();
      changed.push(...found.map(({ profileId }) => ({ appId, profileId })));
    }
    return changed;
  }

  /**
   * The joins that are not made: an id that is somebody's, or is joined to one that is, stays where it is unless
   * somebody vouches for it. One that becomes somebody's at the same moment was joined before: that stays.
   */
  async function refusedOf(joins: readonly AliasWrite[], session: ClientSession): Promise<AliasWrite[]> {
    const doubtful = joins.filter(({ isFromUnproved }) => isFromUnproved === true);
    const refused: AliasWrite[] = [];
    for (const { appId, profileIds } of byApp(doubtful.map((each) => ({ ...each, profileId: each.from })))) {
      const made = await aliases.find({ appId, from: { $in: profileIds } }, { session }).toArray();
      const joinedTo = new Map(made.map(({ from, to }) => [from.toHexString(), to]));
      const someones = await collection
        .find(
          { appId, profileId: { $in: [...profileIds, ...joinedTo.values()] }, identifiedAt: { $exists: true } },
          { session, projection: { _id: 0, profileId: 1 } },
        )
        .toArray();
      const identified = new Set(someones.map(({ profileId }) => profileId.toHexString()));
      const isRefused = ({ from, to }: AliasWrite): boolean => {
        const owner = joinedTo.get(from.toHexString());
        const isTaken = owner !== undefined && !owner.equals(to) && identified.has(owner.toHexString());
        return isTaken || identified.has(from.toHexString());
      };
      refused.push(...doubtful.filter((join) => join.appId.equals(appId) && isRefused(join)));
    }
    return refused;
  }

  async function markSets({ changed, joined }: Marks, session: ClientSession): Promise<void> {
    const marks = [...changed.map((profile) => setMark(profile)), ...joined.map(aliasMark)];
    if (marks.length > 0) await sets.bulkWrite(marks, { session });
  }

  return {
    /** Idempotent: minimum and maximum. Two that create one profile at once: the second try finds it. */
    async touch(touches: readonly ProfileTouch[]): Promise<void> {
      if (touches.length === 0) return;
      const writes = touches.map(touchWrite);
      await twice(() => collection.bulkWrite(writes, { ordered: false }));
    },

    /**
     * Once only by its transaction: the caller's, which stores the flush. The flag sets of those that are another
     * person's now, or have other attributes, are marked in it, so that none that was evaluated before is right.
     * @returns the joins that were not made
     */
    async write(writes: readonly ProfileWrite[], session: ClientSession): Promise<readonly AliasWrite[]> {
      const identifies = writes.filter((write) => write.type === 'identify');
      const changed: ProfileId[] = [];
      if (identifies.length > 0) {
        const change = new ObjectId();
        await collection.bulkWrite(
          identifies.map((write) => identifyWrite(write, change)),
          { session },
        );
        changed.push(...(await changedBy(identifies, change, session)));
      }
      const joins = writes.filter((write) => write.type === 'alias');
      const refused = await refusedOf(joins, session);
      const joined = joins.filter((join) => !refused.includes(join));
      if (joined.length > 0) await aliases.bulkWrite(joined.map(aliasWrite), { session });
      await markSets({ changed, joined }, session);
      return refused;
    },
  };
}

export type Profiles = ReturnType<typeof profiles>;

function touchWrite({ appId, profileId, externalId, at }: ProfileTouch): AnyBulkWriteOperation<ProfileDoc> {
  return {
    updateOne: {
      filter: { appId, profileId },
      update: { $min: { firstSeen: at }, $max: { lastSeen: at }, $setOnInsert: { externalId, attributes: {} } },
      upsert: true,
    },
  };
}

function byApp(writes: readonly ProfileId[]) {
  const apps = new Map<string, { readonly appId: ObjectId; readonly profileIds: ObjectId[] }>();
  for (const { appId, profileId } of writes) {
    const known = apps.get(appId.toHexString());
    if (known) known.profileIds.push(profileId);
    else apps.set(appId.toHexString(), { appId, profileIds: [profileId] });
  }
  return apps.values();
}

const aliasWrite = ({ appId, from, to, at }: AliasWrite): AnyBulkWriteOperation<ProfileAliasDoc> => ({
  updateOne: { filter: { appId, from }, update: { $set: { to, at } }, upsert: true },
});

/** Right for no version any more, also where there is no set yet: somebody may be about to store the first. */
const setMark = (
  { appId, profileId }: ProfileId,
  change: UpdateFilter<FlagSetDoc> = {},
): AnyBulkWriteOperation<FlagSetDoc> => ({
  updateOne: {
    filter: { profileId, appId },
    update: {
      ...change,
      $set: { v: 0, ...change.$set },
      $inc: { profileRev: 1 },
      $setOnInsert: { flags: {}, computedAt: NEVER },
    },
    upsert: true,
  },
});

const aliasMark = ({ appId, from, to }: AliasWrite): AnyBulkWriteOperation<FlagSetDoc> =>
  setMark({ appId, profileId: from }, from.equals(to) ? { $unset: { aliasOf: true } } : { $set: { aliasOf: to } });

const NEVER = new Date(0);

const MOST_ATTRIBUTE_BYTES = 256 * 1024;

/**
 * Newer attributes win key by key; those of an identify that comes late only fill gaps. What would make a profile
 * larger than it may be changes nothing: anybody with a public key can send ever new attributes.
 */
function identifyWrite(write: IdentifyWrite, change: ObjectId): AnyBulkWriteOperation<ProfileDoc> {
  const { appId, profileId, externalId, identifies, attributes, at } = write;
  const given = { $literal: attributes };
  const known = { $ifNull: ['$attributes', {}] };
  const late = { $gt: ['$attributesAt', at] };
  return {
    updateOne: {
      filter: { appId, profileId },
      update: [
        { $set: { attributesBefore: '$attributes' } },
        {
          $set: {
            externalId: { $ifNull: ['$externalId', { $literal: externalId }] },
            attributes: {
              $let: {
                vars: { merged: { $mergeObjects: [{ $cond: [late, given, known] }, { $cond: [late, known, given] }] } },
                in: { $cond: [{ $lte: [{ $bsonSize: '$$merged' }, MOST_ATTRIBUTE_BYTES] }, '$$merged', known] },
              },
            },
            attributesAt: { $max: ['$attributesAt', at] },
            ...(identifies === true && { identifiedAt: { $min: ['$identifiedAt', at] } }),
            firstSeen: { $min: ['$firstSeen', at] },
            lastSeen: { $max: ['$lastSeen', at] },
          },
        },
        {
          $set: {
            attributesChange: {
              $cond: [{ $eq: ['$attributes', '$attributesBefore'] }, '$attributesChange', change],
            },
          },
        },
        { $unset: 'attributesBefore' },
      ],
      upsert: true,
    },
  };
}
