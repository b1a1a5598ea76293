import { type ClientSession, type Db, MongoError, type MongoClient, ObjectId } from 'mongodb';
import type { WrittenSet } from '../domain/flag-set.js';
import { encoded, joinedDocuments } from './bson-documents.js';
import { flagSetFences } from './flag-set-fences.js';
import { type FlagSetDoc, flagSetsSpec } from './flag-sets.js';
import { insertRaw } from './raw-insert.js';

/** What is to be stored of one profile, if nobody has been faster. */
export interface SetWrite {
  readonly profileId: ObjectId;
  /** Of the set as it was read before the profile, or with it at one point in time; undefined: there was none. */
  readonly profileRev: number | undefined;
  readonly content: SetContent;
}

/** `encoded`: the fields of a set as a BSON document. `unstored`: a set that is too large; answers evaluate it each time. */
type SetContent =
  | { readonly kind: 'set'; readonly set: WrittenSet }
  | { readonly kind: 'encoded'; readonly bytes: Uint8Array }
  | { readonly kind: 'alias'; readonly of: ObjectId }
  | { readonly kind: 'unstored' };

export interface SetWrites {
  readonly appId: ObjectId;
  /** Of the definitions they were evaluated by. */
  readonly version: number;
  readonly at: Date;
  readonly writes: readonly SetWrite[];
}

/** How many were written; undefined: a newer pass has begun, and the rest was not. */
type Written = number | undefined;

const IN_ONE = {
  readConcern: { level: 'snapshot' },
  writeConcern: { w: 'majority', journal: true },
} as const;
/** Answers write too: the fewer sets a transaction of a pass holds, the seldomer it meets them and begins again. */
const MOST_IN_ONE = 250;
const MOST_BYTES = 16 * 1024 * 1024;
const BACK_TRIES = 3;
const HEAD = { profileId: 1, profileRev: 1, v: 1, aliasOf: 1 } as const;

type SetHead = Pick<FlagSetDoc, '_id' | 'profileId' | 'profileRev' | 'v' | 'aliasOf'>;

/**
 * The two ways in which sets are written. Each is a transaction that touches a fence, and each write in it is guarded by
 * the revision of the profile and by the version of the set: see docs/adr/0014.
 */
export function flagSetWrites(client: MongoClient, db: Db) {
  const collection = db.collection<FlagSetDoc>(flagSetsSpec.name);
  const fences = flagSetFences(db);

  /** What is stored of those profiles at the transaction's point in time; a later change of it is a write conflict. */
  async function headsOf({ appId, writes }: SetWrites, session: ClientSession): Promise<Map<string, SetHead>> {
    const heads = await collection
      .find<SetHead>(
        { appId, profileId: { $in: writes.map(({ profileId }) => profileId) } },
        { session, projection: HEAD, batchSize: writes.length + 1 },
      )
      .toArray();
    return new Map(heads.map((head) => [head.profileId.toHexString(), head]));
  }

  /** Replaced by taking out and putting in, each in one piece: it costs the database half of what an update each does. */
  async function store(given: SetWrites, session: ClientSession): Promise<number> {
    const { appId, version, at } = given;
    const heads = await headsOf(given, session);
    const replaced: ObjectId[] = [];
    const documents: [Uint8Array, Uint8Array][] = [];
    for (const { profileId, profileRev, content } of given.writes) {
      const head = heads.get(profileId.toHexString());
      if (!isAsRead(head, profileRev, version)) continue;
      if (head !== undefined) replaced.push(head._id);
      const v = content.kind === 'set' || content.kind === 'encoded' ? version : 0;
      const _id = head?._id ?? new ObjectId();
      const first = encoded({ _id, profileId, appId, profileRev: profileRev ?? 0, v, computedAt: at });
      documents.push([first, fieldsOf(content)]);
    }
    if (replaced.length > 0) await collection.deleteMany({ _id: { $in: replaced } }, { session });
    for (const part of parted(documents)) await insertRaw(db, flagSetsSpec.name, joinedDocuments(part), session);
    return documents.length;
  }

  const passOne = (given: SetWrites): Promise<Written> =>
    client.withSession((session) =>
      session.withTransaction(
        async () => ((await fences.touch(given.appId, session)) === given.version ? store(given, session) : undefined),
        IN_ONE,
      ),
    );

  return {
    /** Of a pass, which has raised the fences to its version. Idempotent: what is cut short is done again. */
    async pass(given: SetWrites): Promise<Written> {
      let written = 0;
      for (let from = 0; from < given.writes.length; from += MOST_IN_ONE) {
        const part = { ...given, writes: given.writes.slice(from, from + MOST_IN_ONE) };
        const now = await passOne(part);
        if (now === undefined) return undefined;
        written += now;
      }
      return written;
    },

    /** Of answers. Nobody waits for it, so it gives up where it meets others again and again. */
    back: (given: SetWrites): Promise<Written> =>
      client.withSession(async (session) => {
        for (let tries = 1; ; tries++) {
          session.startTransaction(IN_ONE);
          try {
            const isLate = (await fences.touch(given.appId, session)) > given.version;
            const written = isLate ? undefined : await store(given, session);
            await session.commitTransaction();
            return written;
          } catch (error) {
            if (session.inTransaction()) await session.abortTransaction();
            const isTransient = error instanceof MongoError && error.hasErrorLabel('TransientTransactionError');
            if (!isTransient) throw error;
            if (tries === BACK_TRIES) return 0;
          }
        }
      }),
  };
}

export type FlagSetWrites = ReturnType<typeof flagSetWrites>;

/** Nobody has been faster: the profile has not changed since, and no newer set is stored. */
function isAsRead(head: SetHead | undefined, profileRev: number | undefined, version: number): boolean {
  if (head === undefined || profileRev === undefined) return head === undefined && profileRev === undefined;
  return (head.profileRev ?? 0) === profileRev && (head.v ?? 0) <= version && head.aliasOf === undefined;
}

/** All of a set but what each document has. */
function fieldsOf(content: SetContent): Uint8Array {
  if (content.kind === 'encoded') return content.bytes;
  if (content.kind === 'set') {
    const { flags, reasons, digest } = content.set;
    return encoded({ flags, reasons, digest });
  }
  const mark = { flags: {}, reasons: '', digest: '' };
  return encoded(content.kind === 'alias' ? { ...mark, aliasOf: content.of } : mark);
}

/** No part is longer than a command may be. */
function* parted(documents: readonly (readonly [Uint8Array, Uint8Array])[]) {
  let part: (readonly [Uint8Array, Uint8Array])[] = [];
  let bytes = 0;
  for (const pair of documents) {
    bytes += pair[0].length + pair[1].length;
    if (bytes > MOST_BYTES && part.length > 0) {
      yield part;
      part = [];
      bytes = pair[0].length + pair[1].length;
    }
    part.push(pair);
  }
  if (part.length > 0) yield part;
}
