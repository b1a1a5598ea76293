import { LRUCache } from 'lru-cache';
import type { AnyBulkWriteOperation, ClientSession, Db, ObjectId } from 'mongodb';
import type { ErrorConfig } from '../domain/app.js';
import { keepAs, sharesOf } from '../domain/kept.js';
import { type AlertDoc, alerts } from './alerts.js';
import { withFields } from './bson-documents.js';
import { type ErrorActivityDoc, errorActivitySpec } from './error-activity.js';
import { type ErrorGroupDayDoc, errorGroupDaysSpec } from './error-group-days.js';
import { type ErrorGroupProfileDoc, errorGroupProfilesSpec } from './error-group-profiles.js';
import { type ErrorGroupDoc, errorGroupsSpec } from './error-groups.js';
import { count, type Entry, entryOf, groupWrite, newGroup, newGroupAlert } from './error-entry.js';
import { errorJudge, type GroupHead } from './error-judge.js';
import { dayCounts, type GroupedError, tallies, type Tally } from './error-tally.js';
import { type ErrorDoc, errorsSpec, type PendingError } from './errors.js';
import { insertRaw } from './raw-insert.js';
import type { Releases } from './releases.js';

interface Deps {
  readonly db: Db;
  readonly releases: Pick<Releases, 'facts'>;
}

export interface StoreErrors {
  readonly appId: ObjectId;
  readonly errors: readonly GroupedError[];
  readonly config: Pick<ErrorConfig, 'maxStoredPerGroup'>;
  readonly now: Date;
}

export interface StoredErrors {
  /** How many it gave rise to: they are rows of `alerts` now. */
  readonly alerts: number;
  /** Profiles that fingerprints are now known to have hit. */
  readonly rows: readonly string[];
}

const MOST_KNOWN_ROWS = 200_000;
const rowKey = (groupId: ObjectId, profileId: ObjectId): string => groupId.toHexString() + profileId.toHexString();

const HEAD = { comments: 0, message: 0, title: 0, culprit: 0, grouping: 0, assignee: 0 } as const;

/**
 * Stores and counts occurrences, inside the last transaction of their flush. Everything here is once only by it: it
 * reads and writes each group that it counts for, so that one that is merged, resolved or counted meanwhile makes the
 * transaction begin again.
 */
export function errorStore({ db, releases }: Deps) {
  const errors = db.collection<ErrorDoc>(errorsSpec.name);
  const groups = db.collection<ErrorGroupDoc>(errorGroupsSpec.name);
  const days = db.collection<ErrorGroupDayDoc>(errorGroupDaysSpec.name);
  const rows = db.collection<ErrorGroupProfileDoc>(errorGroupProfilesSpec.name);
  const activity = db.collection<ErrorActivityDoc>(errorActivitySpec.name);
  const judge = errorJudge({ db, releases });
  // A fingerprint's own rows are there for good: one that is known needs no look-up at each occurrence.
  const knownRows = new LRUCache<string, true>({ maxSize: MOST_KNOWN_ROWS, sizeCalculation: () => 1 });

  /** An id that was stored before the dedupe window began, or that stands twice here. */
  async function withoutKnown({ appId, errors: all }: StoreErrors, session: ClientSession): Promise<GroupedError[]> {
    const ids = all.map(({ error }) => error.errorId);
    const found = await errors
      .find({ appId, errorId: { $in: ids } }, { session, projection: { _id: 0, errorId: 1 } })
      .toArray();
    const known = new Set(found.map(({ errorId }) => errorId));
    return all.filter(({ error: { errorId } }) => {
      if (known.has(errorId)) return false;
      known.add(errorId);
      return true;
    });
  }

  /** The groups of all tallies by fingerprint, and by id also those that stand for them. */
  async function entriesOf(
    { appId }: StoreErrors,
    all: readonly Tally[],
    session: ClientSession,
  ): Promise<{ own: Map<Tally, Entry>; byId: Map<string, Entry> }> {
    const byFingerprint = new Map<string, GroupHead>();
    const found = groups.find<GroupHead>(
      { appId, fingerprint: { $in: all.map(({ fingerprint }) => fingerprint) } },
      { session, projection: HEAD },
    );
    for await (const head of found) byFingerprint.set(head.fingerprint, head);

    const own = new Map<Tally, Entry>();
    const byId = new Map<string, Entry>();
    for (const tally of all) {
      const head = byFingerprint.get(tally.fingerprint);
      const entry = head ? entryOf(head, false) : entryOf(newGroup(appId, tally), true);
      entry.tally = tally;
      own.set(tally, entry);
      byId.set(entry.head._id.toHexString(), entry);
    }
    const standing = [...own.values()].flatMap(({ head }) =>
      head.mergedInto !== null && !byId.has(head.mergedInto.toHexString()) ? [head.mergedInto] : [],
    );
    if (standing.length > 0) {
      const survivors = groups.find<GroupHead>({ _id: { $in: standing } }, { session, projection: HEAD });
      for await (const head of survivors) byId.set(head._id.toHexString(), entryOf(head, false));
    }
    return { own, byId };
  }

  /** A row for each profile that a group did not have; whoever really inserts one counts it. */
  async function addProfiles(
    appId: ObjectId,
    own: ReadonlyMap<Tally, Entry>,
    standsFor: (entry: Entry) => Entry | undefined,
    session: ClientSession,
  ): Promise<readonly string[]> {
    const added: string[] = [];
    const fresh: ErrorGroupProfileDoc[] = [];
    const upserts: AnyBulkWriteOperation<ErrorGroupProfileDoc>[] = [];
    const counted: Entry[] = [];
    const upsert = (entry: Entry, profileId: ObjectId, isOwn: boolean): void => {
      const row = rowKey(entry.head._id, profileId);
      if (isOwn && knownRows.has(row)) return;
      if (isOwn) added.push(row);
      upserts.push({
        updateOne: {
          filter: { groupId: entry.head._id, profileId },
          update: {
            $setOnInsert: { appId, ...(isOwn ? {} : { own: false }) },
            ...(isOwn && { $set: { own: true } }),
          },
          upsert: true,
        },
      });
      counted.push(entry);
    };
    for (const [tally, entry] of own) {
      const survivor = standsFor(entry);
      for (const profileId of tally.profiles.values()) {
        if (entry.isNew) fresh.push({ groupId: entry.head._id, profileId, appId, own: true });
        else upsert(entry, profileId, true);
        if (survivor) upsert(survivor, profileId, false);
      }
      if (entry.isNew) entry.profiles = tally.profiles.size;
    }
    if (fresh.length > 0) await rows.insertMany(fresh, { session, ordered: false });
    if (upserts.length === 0) return added;
    const { upsertedIds } = await rows.bulkWrite(upserts, { session, ordered: true });
    for (const index of Object.keys(upsertedIds)) {
      const entry = counted[Number(index)];
      if (entry) entry.profiles++;
    }
    return added;
  }

  async function addDays(appId: ObjectId, own: ReadonlyMap<Tally, Entry>, session: ClientSession): Promise<void> {
    const writes: AnyBulkWriteOperation<ErrorGroupDayDoc>[] = [];
    for (const [tally, entry] of own) {
      const groupId = entry.head._id;
      for (const [day, counts] of dayCounts(tally, entry)) {
        writes.push({
          updateOne: {
            filter: { _id: `${groupId.toHexString()}/${String(day)}` },
            update: { $inc: counts, $setOnInsert: { appId, groupId, day } },
            upsert: true,
          },
        });
      }
    }
    await days.bulkWrite(writes, { session, ordered: false });
  }

  /** Those of the occurrences that are kept; counts do not depend on it. */
  async function addErrors(
    own: ReadonlyMap<Tally, Entry>,
    { maxStoredPerGroup }: StoreErrors['config'],
    session: ClientSession,
  ): Promise<void> {
    const shares = sharesOf(maxStoredPerGroup);
    const kept: Uint8Array[] = [];
    for (const [tally, entry] of own) {
      const before = entry.isNew ? 0 : entry.head.own.count;
      tally.errors.forEach(({ bytes, flags, fingerprint }, index) => {
        const ordinal = before + index + 1;
        const keptAs = keepAs(ordinal, tally.errors.length - index - 1, shares);
        if (keptAs === undefined) return;
        if (keptAs === 'newest') entry.newest++;
        const added: Omit<ErrorDoc, keyof PendingError> = {
          groupFingerprint: fingerprint,
          groupId: entry.head._id,
          ordinal,
          keptAs,
        };
        kept.push(withFields(bytes, flags === undefined ? added : { ...added, flags }));
      });
      const newest = entry.head.newestKept + entry.newest;
      if (entry.newest === 0 || newest <= shares.newest) continue;
      const left = Math.max(entry.newest, Math.ceil(shares.newest / 2));
      entry.newest -= await dropOldest(entry.head._id, newest - left, session);
    }
    await insertRaw(db, errorsSpec.name, Buffer.concat(kept), session);
  }

  /** Makes room for the newest: all that were kept as such but the last, in one go for many flushes. */
  async function dropOldest(groupId: ObjectId, many: number, session: ClientSession): Promise<number> {
    if (many <= 0) return 0; // no limit, to the driver
    const oldest = await errors
      .find({ groupId, keptAs: 'newest' }, { session, projection: { _id: 1 } })
      .sort({ ordinal: 1 })
      .limit(many)
      .toArray();
    if (oldest.length === 0) return 0;
    const { deletedCount } = await errors.deleteMany({ _id: { $in: oldest.map(({ _id }) => _id) } }, { session });
    return deletedCount;
  }

  return {
    async store(input: StoreErrors, session: ClientSession): Promise<StoredErrors> {
      const { appId, config, now } = input;
      const all = tallies(await withoutKnown(input, session));
      if (all.length === 0) return { alerts: 0, rows: [] };
      const { own, byId } = await entriesOf(input, all, session);
      const standsFor = ({ head }: Entry) => (head.mergedInto ? byId.get(head.mergedInto.toHexString()) : undefined);

      for (const [tally, entry] of own) {
        count(entry, tally);
        const survivor = standsFor(entry);
        if (survivor) count(survivor, tally);
      }
      const rowsAdded = await addProfiles(appId, own, standsFor, session);
      await addDays(appId, own, session);
      await addErrors(own, config, session);

      const told: AlertDoc[] = [];
      const noted: ErrorActivityDoc[] = [];
      for (const entry of byId.values()) {
        if (entry.isNew) told.push(newGroupAlert(entry.head, now));
        else if (entry.head.mergedInto === null) {
          const change = await judge.judge({ ...entry, now }, session);
          if (change === undefined) continue;
          entry.change = change;
          told.push(change.alert);
          noted.push(change.activity);
        }
      }
      const writes = [...byId.values()].map(groupWrite);
      await groups.bulkWrite(writes, { session, ordered: true });
      await alerts(db).raise(told, session);
      if (noted.length > 0) await activity.bulkWrite(noted.map(noteWrite), { session, ordered: true });
      return { alerts: told.length, rows: rowsAdded };
    },

    /** To be told of what `store` answered once its transaction is committed, and never before. */
    committed({ rows: now }: StoredErrors): void {
      for (const row of now) knownRows.set(row, true);
    },
  };
}

export type ErrorStore = ReturnType<typeof errorStore>;

/** One a request: what is in the timeline already stays as it is. */
const noteWrite = ({ groupId, requestId, ...rest }: ErrorActivityDoc): AnyBulkWriteOperation<ErrorActivityDoc> => ({
  updateOne: { filter: { groupId, requestId }, update: { $setOnInsert: rest }, upsert: true },
});
