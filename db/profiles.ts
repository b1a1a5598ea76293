import type { AnyBulkWriteOperation, ClientSession, Db, ObjectId } from 'mongodb';
import type { CollectionSpec } from './collection.js';
import { isDuplicateKey } from './duplicate-key.js';

export interface ProfileDoc {
  readonly appId: ObjectId;
  readonly profileId: ObjectId;
  readonly externalId: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** The client's time of the newest identify, so that a late one does not overwrite it. */
  readonly attributesAt?: Date;
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
  | (ProfileTouch & { readonly type: 'identify'; readonly attributes: Readonly<Record<string, unknown>> })
  | {
      readonly type: 'alias';
      readonly appId: ObjectId;
      readonly from: ObjectId;
      readonly to: ObjectId;
      readonly at: Date;
    };

export function profiles(db: Db) {
  const collection = db.collection<ProfileDoc>('profiles');
  const aliases = db.collection<ProfileAliasDoc>('profile_aliases');

  return {
    /** Idempotent: minimum and maximum. Two that create one profile at once: the second try finds it. */
    async touch(touches: readonly ProfileTouch[]): Promise<void> {
      if (touches.length === 0) return;
      const writes = touches.map(touchWrite);
      await collection.bulkWrite(writes, { ordered: false }).catch((error: unknown) => {
        if (!isDuplicateKey(error)) throw error;
        return collection.bulkWrite(writes, { ordered: false });
      });
    },

    /** Once only by its transaction: the caller's, which stores the flush. */
    async write(writes: readonly ProfileWrite[], session: ClientSession): Promise<void> {
      for (const write of writes) {
        if (write.type === 'identify') await collection.bulkWrite([identifyWrite(write)], { session });
        else {
          const { appId, from, to, at } = write;
          await aliases.updateOne({ appId, from }, { $set: { to, at } }, { upsert: true, session });
        }
      }
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

const MOST_ATTRIBUTE_BYTES = 256 * 1024;

/**
 * Newer attributes win key by key; those of an identify that comes late only fill gaps. What would make a profile
 * larger than it may be changes nothing: anybody with a public key can send ever new attributes.
 */
function identifyWrite(write: Extract<ProfileWrite, { type: 'identify' }>): AnyBulkWriteOperation<ProfileDoc> {
  const { appId, profileId, externalId, attributes, at } = write;
  const given = { $literal: attributes };
  const known = { $ifNull: ['$attributes', {}] };
  const late = { $gt: ['$attributesAt', at] };
  return {
    updateOne: {
      filter: { appId, profileId },
      update: [
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
            firstSeen: { $min: ['$firstSeen', at] },
            lastSeen: { $max: ['$lastSeen', at] },
          },
        },
      ],
      upsert: true,
    },
  };
}
