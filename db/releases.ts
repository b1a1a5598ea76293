import { LRUCache } from 'lru-cache';
import type { ClientSession, Db, ObjectId } from 'mongodb';
import { DEFAULT_APP_CONFIG } from '../domain/app.js';
import { entryBytes } from '../domain/entry-bytes.js';
import { HOUR_MS } from '../domain/limits.js';
import type { ReleaseFacts } from '../domain/release.js';
import type { CollectionSpec } from './collection.js';
import { twice } from './duplicate-key.js';
import { NOBODY } from './ids.js';
import {
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
import { MOST_RELEASES, newReleases } from './new-releases.js';

export const DECLARED_BY = ['deploy', 'upload', 'seen'] as const;
type DeclaredBy = (typeof DECLARED_BY)[number];

export interface DeployDoc {
  readonly environment: string;
  readonly at: Date;
}

export interface ReleaseDoc {
  readonly _id: ObjectId;
  readonly appId: ObjectId;
  readonly version: string;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
  /** Since when it counts as a release: only a declared one can be the latest or reopen a group. */
  readonly declaredAt: Date | null;
  readonly declaredBy?: DeclaredBy;
  /** Distinct ones, counted until the release is declared. */
  readonly profiles: number;
  /** The last ones, in the order in which they were told. */
  readonly deploys?: readonly DeployDoc[];
}

export const releasesSpec: CollectionSpec = {
  name: 'releases',
  indexes: [
    { key: { appId: 1, version: 1 }, name: 'once_per_app', unique: true },
    { key: { appId: 1, firstSeen: -1, _id: -1 }, name: 'by_app_first_seen' },
  ],
  jsonSchema: documentOf<ReleaseDoc>({
    _id: objectId,
    appId: objectId,
    version: string,
    firstSeen: date,
    lastSeen: date,
    declaredAt: nullable(date),
    declaredBy: optional(oneOf(DECLARED_BY)),
    profiles: number,
    deploys: optional(arrayOf(documentOf<DeployDoc>({ environment: string, at: date }))),
  }),
};

/** That a profile ran a release; by sessions, and by errors until the release is declared. */
export interface ReleaseProfileDoc {
  readonly appId: ObjectId;
  readonly release: string;
  readonly profileId: ObjectId;
  /** Whether any of its sessions on it crashed; null where it is known from errors alone, and has no session. */
  readonly crashed: boolean | null;
}

export const releaseProfilesSpec: CollectionSpec = {
  name: 'release_profiles',
  indexes: [{ key: { appId: 1, release: 1, profileId: 1 }, name: 'once_per_release', unique: true }],
  jsonSchema: documentOf<ReleaseProfileDoc>({
    appId: objectId,
    release: string,
    profileId: objectId,
    crashed: nullable(boolean),
  }),
};

export interface Declaration {
  readonly appId: ObjectId;
  readonly version: string;
  readonly by: DeclaredBy;
  readonly at: Date;
  /** Where it went live, when that is told. */
  readonly environment?: string | undefined;
}

export interface ReleasePage {
  readonly before?: ObjectId | undefined;
  readonly limit: number;
}

const MOST_DEPLOYS = 50;
const REMEMBERED_BYTES = 16 * 1024 * 1024;
/** Of a profile that is noted as having run a release. */
const PROFILE_BYTES = 100;
/** `lastSeen` may lag by so much, so that a release under traffic is not written at each flush. */
const SEEN_EVERY_MS = HOUR_MS;

/** What this process knows of a release, so that most occurrences of it need no look-up. */
interface Remembered {
  readonly declared: boolean;
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
  /** Noted as having run it, while it is not declared: fewer than it takes. */
  readonly profiles: ReadonlySet<string>;
}

export function releases(db: Db) {
  const collection = db.collection<ReleaseDoc>(releasesSpec.name);
  const profiles = db.collection<ReleaseProfileDoc>(releaseProfilesSpec.name);
  const remembered = new LRUCache<string, Remembered>({
    maxSize: REMEMBERED_BYTES,
    sizeCalculation: ({ profiles: noted }, key) => entryBytes(key) + PROFILE_BYTES * (1 + noted.size),
  });
  const { areFull } = newReleases(collection);

  /** Undefined where the app has too many and this would be one more. */
  async function note(appId: ObjectId, version: string, at: Date, mostNew: number): Promise<ReleaseDoc | undefined> {
    const update = { $min: { firstSeen: at }, $max: { lastSeen: at } };
    const options = { returnDocument: 'after' } as const;
    const found = await collection.findOneAndUpdate({ appId, version }, update, options);
    if (found !== null) return found;
    if (await areFull(appId, at, mostNew)) return undefined;
    const upsert = () =>
      collection.findOneAndUpdate(
        { appId, version },
        { ...update, $setOnInsert: { declaredAt: null, profiles: 0 } },
        { ...options, upsert: true },
      );
    return (await twice(upsert)) ?? undefined;
  }

  /** How many are known to have run it, up to `most`. */
  async function noteProfiles(
    appId: ObjectId,
    release: string,
    ids: readonly ObjectId[],
    most: number,
  ): Promise<number> {
    const writes = ids.map((profileId) => ({
      updateOne: {
        filter: { appId, release, profileId },
        update: { $setOnInsert: { crashed: null } },
        upsert: true,
      },
    }));
    if (writes.length > 0) await twice(() => profiles.bulkWrite(writes, { ordered: false }));
    return profiles.countDocuments({ appId, release }, { limit: most });
  }

  return {
    /**
     * That occurrences or sessions of these profiles came from a release. From `minProfiles` distinct ones on it is
     * declared: what fewer claim sets no latest release. Idempotent: minimum, maximum, and rows that are there or not.
     * @param mostNew releases a UTC day that clients may name first
     * @returns false where it is not noted, since it would be one too many
     */
    async seen(
      appId: ObjectId,
      version: string,
      profileIds: readonly ObjectId[],
      at: Date,
      minProfiles: number,
      mostNew = DEFAULT_APP_CONFIG.errors.maxNewReleasesPerDay,
    ): Promise<boolean> {
      if (version === '') return true;
      const key = `${appId.toHexString()}/${version}`;
      const before = remembered.get(key);
      const ids = new Map(profileIds.map((id) => [id.toHexString(), id]));
      ids.delete(NOBODY.toHexString());
      for (const known of before?.profiles ?? []) ids.delete(known);
      const isNews = before?.declared !== true && ids.size > 0;
      const atMs = at.getTime();
      const isInSpan = before !== undefined && atMs >= before.firstSeenMs && atMs <= before.lastSeenMs + SEEN_EVERY_MS;
      if (isInSpan && !isNews) return true;

      const release = await note(appId, version, at, mostNew);
      if (release === undefined) return false;
      const span = { firstSeenMs: release.firstSeen.getTime(), lastSeenMs: release.lastSeen.getTime() };
      const nobody = new Set<string>();
      if (release.declaredAt !== null) {
        remembered.set(key, { declared: true, ...span, profiles: nobody });
        return true;
      }
      const more = [...ids].slice(0, Math.max(minProfiles, 1));
      const count = await noteProfiles(
        appId,
        version,
        more.map(([, id]) => id),
        Math.max(minProfiles, 1),
      );
      const declared = count >= minProfiles;
      await collection.updateOne(
        { appId, version, declaredAt: null },
        { $max: { profiles: count }, ...(declared && { $set: { declaredAt: at, declaredBy: 'seen' } }) },
      );
      const noted = declared ? nobody : new Set([...(before?.profiles ?? []), ...more.map(([hex]) => hex)]);
      remembered.set(key, { declared, ...span, profiles: noted });
      return true;
    },

    /** Of these versions, those that are known. */
    async facts(appId: ObjectId, versions: readonly string[]): Promise<ReleaseFacts[]> {
      if (versions.length === 0) return [];
      const docs = await collection.find({ appId, version: { $in: [...versions] } }).toArray();
      return docs.map(factsOf);
    },

    /** Newest first: what says which one is the latest. */
    async declaredFacts(appId: ObjectId, session?: ClientSession): Promise<ReleaseFacts[]> {
      const options = session === undefined ? {} : { session };
      const filter = { appId, declaredAt: { $ne: null } };
      const docs = await collection
        .find(filter, options)
        .sort({ firstSeen: -1, _id: -1 })
        .limit(MOST_RELEASES)
        .toArray();
      return docs.map(factsOf);
    },

    /** Idempotent: who declared it first stays, and one deploy is told once. */
    async declare({ appId, version, by, at, environment }: Declaration, session?: ClientSession): Promise<ReleaseDoc> {
      const options = { upsert: true, returnDocument: 'after', ...(session && { session }) } as const;
      const deploys = { $ifNull: ['$deploys', []] };
      const told = { $ifNull: ['$declaredBy', null] };
      const deploy = { environment: { $literal: environment ?? '' }, at };
      const write = () =>
        collection.findOneAndUpdate(
          { appId, version },
          [
            {
              $set: {
                firstSeen: { $min: [{ $ifNull: ['$firstSeen', at] }, at] },
                lastSeen: { $max: [{ $ifNull: ['$lastSeen', at] }, at] },
                declaredAt: { $ifNull: ['$declaredAt', at] },
                declaredBy: { $cond: [{ $eq: [told, null] }, by, told] },
                profiles: { $ifNull: ['$profiles', 0] },
                ...(by === 'deploy' && {
                  deploys: {
                    $cond: [
                      { $in: [deploy, deploys] },
                      deploys,
                      { $slice: [{ $concatArrays: [deploys, [deploy]] }, -MOST_DEPLOYS] },
                    ],
                  },
                }),
              },
            },
          ],
          options,
        );
      // Within a transaction a second try is the transaction's.
      const doc = await (session === undefined ? twice(write) : write());
      if (doc === null) throw new Error(`an upsert of release ${version} gave nothing`);
      return doc;
    },

    async find(appId: ObjectId, version: string, session?: ClientSession): Promise<ReleaseDoc | undefined> {
      return (await collection.findOne({ appId, version }, session === undefined ? {} : { session })) ?? undefined;
    },

    /** By first seen, newest first. */
    async page(appId: ObjectId, { before, limit }: ReleasePage): Promise<ReleaseDoc[]> {
      const last = before === undefined ? null : await collection.findOne({ _id: before, appId });
      if (before !== undefined && last === null) return [];
      const older =
        last === null
          ? {}
          : { $or: [{ firstSeen: { $lt: last.firstSeen } }, { firstSeen: last.firstSeen, _id: { $lt: last._id } }] };
      return collection
        .find({ appId, ...older })
        .sort({ firstSeen: -1, _id: -1 })
        .limit(limit)
        .toArray();
    },
  };
}

const factsOf = ({ version, firstSeen, declaredAt }: ReleaseDoc): ReleaseFacts => ({
  version,
  firstSeenMs: firstSeen.getTime(),
  declared: declaredAt !== null,
});

export type Releases = ReturnType<typeof releases>;
