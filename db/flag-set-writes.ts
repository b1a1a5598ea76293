import {
  type AnyBulkWriteOperation,
  type ClientSession,
  type Db,
  MongoError,
  type MongoClient,
  ObjectId,
} from 'mongodb';
import type { WrittenSet } from '../domain/flag-set.js';
import { flagSetFences } from './flag-set-fences.js';
import { type FlagSetDoc, flagSetsSpec } from './flag-sets.js';

/** What is to be stored of one profile, if nobody has been faster. */
export interface SetWrite {
  readonly profileId: ObjectId;
  /** Of the set as it was read before the profile, or with it at one point in time; undefined: there was none. */
  readonly profileRev: number | undefined;
  /** The set's own id, where it is known: it is found faster by it. */
  readonly setId?: ObjectId;
  readonly content: SetContent;
}

/** `unstored`: a set that is too large; answers evaluate it each time. */
type SetContent =
  | { readonly kind: 'set'; readonly set: WrittenSet }
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
const BACK_TRIES = 3;
const NO_REVISION = [{ profileRev: 0 }, { profileRev: { $exists: false } }];

/**
 * The two ways in which sets are written. Each is a transaction that touches a fence, and each write in it is guarded by
 * the revision of the profile and by the version of the set: see docs/adr/0014.
 */
export function flagSetWrites(client: MongoClient, db: Db) {
  const collection = db.collection<FlagSetDoc>(flagSetsSpec.name);
  const fences = flagSetFences(db);

  /** Those without a set that still have none: an insert that fails would cost the whole transaction. */
  async function stillMissing({ appId, writes }: SetWrites, session: ClientSession): Promise<readonly SetWrite[]> {
    const missing = writes.filter(({ profileRev }) => profileRev === undefined);
    if (missing.length === 0) return missing;
    const found = await collection
      .find(
        { appId, profileId: { $in: missing.map(({ profileId }) => profileId) } },
        { session, projection: { _id: 0, profileId: 1 }, batchSize: missing.length + 1 },
      )
      .toArray();
    const there = new Set(found.map(({ profileId }) => profileId.toHexString()));
    return missing.filter(({ profileId }) => !there.has(profileId.toHexString()));
  }

  async function store(given: SetWrites, session: ClientSession): Promise<number> {
    const { appId, version, at, writes } = given;
    const inserts = (await stillMissing(given, session)).map(({ profileId, content }) => ({
      _id: new ObjectId(),
      profileId,
      appId,
      profileRev: 0,
      ...fieldsOf(content, version, at),
    }));
    if (inserts.length > 0) await collection.insertMany(inserts, { session, ordered: false });

    const updates: AnyBulkWriteOperation<FlagSetDoc>[] = [];
    for (const { profileId, profileRev, setId, content } of writes) {
      if (profileRev === undefined) continue;
      updates.push({
        updateOne: {
          filter: {
            ...(setId === undefined ? { profileId, appId } : { _id: setId }),
            ...(profileRev === 0 ? { $or: NO_REVISION } : { profileRev }),
            v: { $not: { $gt: version } },
            aliasOf: { $exists: false },
          },
          update: { $set: fieldsOf(content, version, at) },
        },
      });
    }
    if (updates.length === 0) return inserts.length;
    const { matchedCount } = await collection.bulkWrite(updates, { session, ordered: false });
    return inserts.length + matchedCount;
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

function fieldsOf(content: SetContent, v: number, computedAt: Date) {
  if (content.kind === 'set') {
    const { flags, reasons, digest } = content.set;
    return { v, flags, reasons, digest, computedAt };
  }
  const mark = { v: 0, flags: {}, reasons: '', digest: '', computedAt };
  return content.kind === 'alias' ? { ...mark, aliasOf: content.of } : mark;
}
