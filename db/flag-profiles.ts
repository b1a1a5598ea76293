import { type ClientSession, type Db, type Filter, type FilterOperators, type MongoClient, ObjectId } from 'mongodb';
import { decoded } from './bson-documents.js';
import { type FlagSetDoc, flagSetsSpec } from './flag-sets.js';
import type { ProfileAliasDoc, ProfileDoc } from './profiles.js';

/** What flags are evaluated for: `externalId` is the targeting key. */
export type FlagProfile = Pick<ProfileDoc, 'profileId' | 'externalId' | 'attributes'>;

/** What a pass must know of a set to decide whether it stays. */
export type SetHead = Pick<FlagSetDoc, '_id' | 'profileId' | 'v' | 'profileRev' | 'aliasOf' | 'digest'>;

/** A profile with its set, both as of one point in time. */
export interface WalkedProfile extends FlagProfile {
  readonly set: SetHead | undefined;
  /** The profile that this id is another name of. */
  readonly aliasOf: ObjectId | undefined;
}

export interface WalkedChunk {
  readonly profiles: readonly WalkedProfile[];
  /** All profiles up to this one were walked; undefined: there are no more in the range. */
  readonly next: ObjectId | undefined;
}

/** Some profiles of an app in the order of their ids: after one, up to and with another. */
export interface ProfileRange {
  readonly appId: ObjectId;
  readonly after: ObjectId;
  /** Undefined: to the end. */
  readonly upTo: ObjectId | undefined;
}

/** Comes before every profile: the nil id is nobody's. */
export const BEFORE_ALL = new ObjectId('000000000000000000000000');

/** Attributes may be large; what is held at once is bounded. */
const CHUNK_BYTES = 8 * 1024 * 1024;
const HEAD = { profileId: 1, v: 1, profileRev: 1, aliasOf: 1, digest: 1 } as const;
const PROFILE = { _id: 0, profileId: 1, externalId: 1, attributes: 1 } as const;

/** Profiles as flags see them. */
export function flagProfiles(client: MongoClient, db: Db) {
  const profiles = db.collection<ProfileDoc>('profiles');
  const aliases = db.collection<ProfileAliasDoc>('profile_aliases');
  const sets = db.collection<FlagSetDoc>(flagSetsSpec.name);

  const within = ({ after, upTo }: ProfileRange) => ({ $gt: after, ...(upTo !== undefined && { $lte: upTo }) });

  async function readProfiles(filter: Filter<ProfileDoc>, limit: number, session: ClientSession) {
    const cursor = profiles.find(filter, {
      session,
      projection: PROFILE,
      sort: { appId: 1, profileId: 1 },
      limit,
      raw: true,
    });
    const found: FlagProfile[] = [];
    let bytes = 0;
    for await (const raw of cursor as AsyncIterable<unknown>) {
      if (!Buffer.isBuffer(raw)) throw new TypeError('the driver gave something else than BSON');
      bytes += raw.length;
      found.push(decoded(raw) as FlagProfile);
      if (bytes >= CHUNK_BYTES) break;
    }
    const isAll = found.length < limit && bytes < CHUNK_BYTES;
    return { found, next: isAll ? undefined : found.at(-1)?.profileId };
  }

  const readChunk = (appId: ObjectId, which: FilterOperators<ObjectId>, limit: number): Promise<WalkedChunk> =>
    client.withSession({ snapshot: true }, async (session) => {
      const { found, next } = await readProfiles({ appId, profileId: which }, limit, session);
      const last = found.at(-1)?.profileId;
      if (last === undefined) return { profiles: [], next };
      const ids = { $in: found.map((profile) => profile.profileId) };
      const options = { session, batchSize: limit + 1 };
      const heads = await sets.find<SetHead>({ appId, profileId: ids }, { ...options, projection: HEAD }).toArray();
      const others = await aliases
        .find({ appId, from: { ...which, $lte: last } }, { ...options, projection: { _id: 0, from: 1, to: 1 } })
        .toArray();
      const setOf = new Map(heads.map((head) => [head.profileId.toHexString(), head]));
      const aliasOf = new Map(others.map(({ from, to }) => [from.toHexString(), from.equals(to) ? undefined : to]));
      const walked = found.map((profile) => {
        const hex = profile.profileId.toHexString();
        return { ...profile, set: setOf.get(hex), aliasOf: aliasOf.get(hex) };
      });
      return { profiles: walked, next };
    });

  return {
    /** Ends of up to `many` ranges with `size` profiles each; fewer: the profiles behind the last one fill no range. */
    async ends(appId: ObjectId, after: ObjectId, size: number, many: number): Promise<readonly ObjectId[]> {
      const found: ObjectId[] = [];
      for (let last = after; found.length < many;) {
        const end = await profiles
          .find({ appId, profileId: { $gt: last } }, { projection: { _id: 0, profileId: 1 } })
          .sort({ appId: 1, profileId: 1 })
          .skip(size - 1)
          .limit(1)
          .next();
        if (end === null) break;
        last = end.profileId;
        found.push(last);
      }
      return found;
    },

    /** The first profiles of a range with their sets and aliases, at one point in time. */
    walk: (range: ProfileRange, limit: number): Promise<WalkedChunk> => readChunk(range.appId, within(range), limit),

    /** Some profiles of an app, whichever chance picks, with their sets and aliases, at one point in time. */
    async sample(appId: ObjectId, size: number): Promise<WalkedChunk> {
      const picked = await profiles
        .aggregate<Pick<ProfileDoc, 'profileId'>>([
          { $match: { appId } },
          { $project: { _id: 0, profileId: 1 } },
          { $sample: { size } },
        ])
        .toArray();
      return readChunk(appId, { $in: picked.map(({ profileId }) => profileId) }, size);
    },
  };
}

export type FlagProfiles = ReturnType<typeof flagProfiles>;
