import type { ClientSession, Db, ObjectId } from 'mongodb';
import { utcDay } from '../domain/app.js';
import { DAY_MS } from '../domain/limits.js';
import type { SessionStatus } from '../domain/statement.js';
import type { CollectionSpec } from './collection.js';
import { NOBODY } from './ids.js';
import { date, documentOf, number, objectId, oneOf, string } from './json-schema.js';
import { type ReleaseProfileDoc, releaseProfilesSpec } from './releases.js';

/** From the best to the worst: of two statements on one session the worse one wins. */
export const SESSION_STATUSES = ['ok', 'errored', 'abnormal', 'crashed'] as const satisfies readonly SessionStatus[];

/** What a client says of one session, or of many that it has counted itself. */
export type SessionWrite =
  | {
      readonly type: 'session';
      readonly appId: ObjectId;
      readonly sid: string;
      readonly release: string;
      readonly environment: string;
      readonly status: SessionStatus;
      readonly at: Date;
      readonly profileId: ObjectId | null;
    }
  | {
      readonly type: 'sessions';
      readonly appId: ObjectId;
      readonly release: string;
      readonly environment: string;
      readonly at: Date;
      readonly counts: Readonly<Record<SessionStatus, number>>;
    };

/** One session that is stated by its id, until nobody states it any more. */
export interface ReleaseSessionDoc {
  /** `<hex of appId>/<sid>`. */
  readonly _id: string;
  readonly appId: ObjectId;
  readonly release: string;
  readonly environment: string;
  readonly day: number;
  readonly status: SessionStatus;
  readonly expiresAt: Date;
}

export const releaseSessionsSpec: CollectionSpec = {
  name: 'release_sessions',
  indexes: [{ key: { expiresAt: 1 }, name: 'expiry', expireAfterSeconds: 0 }],
  jsonSchema: documentOf<ReleaseSessionDoc>({
    _id: string,
    appId: objectId,
    release: string,
    environment: string,
    day: number,
    status: oneOf(SESSION_STATUSES),
    expiresAt: date,
  }),
};

/** One writer slot's share of the sessions of a release that began on a UTC day: the day is the sum over its slots. */
export interface ReleaseDayDoc {
  readonly appId: ObjectId;
  readonly release: string;
  readonly environment: string;
  readonly day: number;
  readonly slot: number;
  readonly ok: number;
  readonly errored: number;
  readonly abnormal: number;
  readonly crashed: number;
  /** Profiles whose first session on this release it was, and those to whom it first crashed. */
  readonly profiles: number;
  readonly crashedProfiles: number;
}

export const releaseDaysSpec: CollectionSpec = {
  name: 'release_days',
  indexes: [{ key: { appId: 1, release: 1, environment: 1, day: 1, slot: 1 }, name: 'once_per_day', unique: true }],
  jsonSchema: documentOf<ReleaseDayDoc>({
    appId: objectId,
    release: string,
    environment: string,
    day: number,
    slot: number,
    ok: number,
    errored: number,
    abnormal: number,
    crashed: number,
    profiles: number,
    crashedProfiles: number,
  }),
};

/** What was counted of a release, over all its days and environments. */
export type SessionTotals = Readonly<Record<SessionStatus | 'profiles' | 'crashedProfiles', number>>;

type Counted = keyof SessionTotals;
type SingleSession = Extract<SessionWrite, { type: 'session' }>;

const NOTHING: SessionTotals = { ok: 0, errored: 0, abnormal: 0, crashed: 0, profiles: 0, crashedProfiles: 0 };
const COUNTED = Object.keys(NOTHING) as readonly Counted[];
/** For how long after it was last stated a session is known; a statement after that begins a new one. */
const KEPT_MS = 5 * DAY_MS;
/** Transactions that increment one document exclude each other, so each takes one of several. */
const SLOTS = 8;

const rank = (status: SessionStatus): number => SESSION_STATUSES.indexOf(status);
const worse = (one: SessionStatus, other: SessionStatus): SessionStatus => (rank(one) >= rank(other) ? one : other);
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export function sessions(db: Db) {
  const single = db.collection<ReleaseSessionDoc>(releaseSessionsSpec.name);
  const days = db.collection<ReleaseDayDoc>(releaseDaysSpec.name);
  const profiles = db.collection<ReleaseProfileDoc>(releaseProfilesSpec.name);

  /** Sessions that are new, or worse than they were, with what that adds to their days. */
  async function writeSingle(stated: readonly SingleSession[], session: ClientSession, now: Date, sums: DaySums) {
    const wanted = folded(stated);
    if (wanted.size === 0) return;
    const stored = await single.find({ _id: { $in: [...wanted.keys()] } }, { session }).toArray();
    const known = new Map(stored.map((doc) => [doc._id, doc]));
    const expiresAt = new Date(now.getTime() + KEPT_MS);
    const writes = [...wanted].flatMap(([_id, { appId, release, environment, at, status }]) => {
      const before = known.get(_id);
      const doc = before ?? { appId, release, environment, day: utcDay(at.getTime()), status };
      const after = worse(doc.status, status);
      if (before === undefined) sums.add(doc, { [status]: 1 });
      else if (after !== before.status) sums.add(doc, { [before.status]: -1, [after]: 1 });
      // Only a day's progress is worth a write by itself.
      else if (expiresAt.getTime() - before.expiresAt.getTime() < DAY_MS) return [];
      return [
        {
          updateOne: {
            filter: { _id },
            update: { $set: { ...placeOf(doc), status: after, expiresAt } },
            upsert: true,
          },
        },
      ];
    });
    if (writes.length > 0) await single.bulkWrite(writes, { session, ordered: true });
  }

  /** Who ran a release and to whom it crashed: a row each, and counted with the day it became true. */
  async function writeProfiles(stated: readonly SingleSession[], session: ClientSession, sums: DaySums) {
    const wanted = new Map<string, SingleSession & { readonly profileId: ObjectId }>();
    for (const each of stated) {
      const { appId, release, profileId } = each;
      if (profileId === null || profileId.equals(NOBODY)) continue;
      const key = rowKey({ appId, release, profileId });
      const before = wanted.get(key);
      if (before === undefined || rank(each.status) > rank(before.status)) wanted.set(key, { ...each, profileId });
    }
    if (wanted.size === 0) return;
    const rows = [...wanted].sort(([a], [b]) => byText(a, b)).map(([, row]) => row);
    const known = new Map<string, boolean | null>();
    for (const group of byRelease(rows)) {
      for await (const { crashed, ...row } of profiles.find(group, { session })) known.set(rowKey(row), crashed);
    }
    const writes = rows.flatMap(({ appId, release, environment, at, profileId, status }) => {
      const before = known.get(rowKey({ appId, release, profileId })) ?? null;
      const crashed = status === 'crashed';
      if (before === true || before === crashed) return [];
      const place = { appId, release, environment, day: utcDay(at.getTime()) };
      sums.add(place, { ...(before === null && { profiles: 1 }), ...(crashed && { crashedProfiles: 1 }) });
      return [{ updateOne: { filter: { appId, release, profileId }, update: { $set: { crashed } }, upsert: true } }];
    });
    if (writes.length > 0) await profiles.bulkWrite(writes, { session, ordered: true });
  }

  return {
    /**
     * Counts sessions; once only by its transaction, the caller's, which stores the flush. Of several statements on
     * one session the worst is counted, in whatever order they come. Without a release there is nothing to count.
     */
    async write(writes: readonly SessionWrite[], session: ClientSession, now: Date): Promise<void> {
      const sums = daySums();
      const stated: SingleSession[] = [];
      for (const write of writes) {
        if (write.release === '') continue;
        if (write.type === 'session') stated.push(write);
        else {
          const { appId, release, environment, at, counts } = write;
          sums.add({ appId, release, environment, day: utcDay(at.getTime()) }, counts);
        }
      }
      await writeSingle(stated, session, now, sums);
      await writeProfiles(stated, session, sums);
      const slot = Math.floor(Math.random() * SLOTS);
      const increments = sums.all().map(({ place, counts }) => ({
        updateOne: { filter: { ...place, slot }, update: { $inc: { ...counts } }, upsert: true },
      }));
      if (increments.length > 0) await days.bulkWrite(increments, { session, ordered: true });
    },

    /** By version; those without any session are left out. */
    async totals(appId: ObjectId, versions: readonly string[]): Promise<ReadonlyMap<string, SessionTotals>> {
      const sums = Object.fromEntries(COUNTED.map((name) => [name, { $sum: `$${name}` }]));
      const found = await days
        .aggregate<SessionTotals & { readonly _id: string }>([
          { $match: { appId, release: { $in: [...versions] } } },
          { $group: { _id: '$release', ...sums } },
        ])
        .toArray();
      return new Map(found.map(({ _id, ...totals }) => [_id, totals]));
    },

    /** The same by environment, of one release. */
    async byEnvironment(appId: ObjectId, release: string): Promise<ReadonlyMap<string, SessionTotals>> {
      const sums = Object.fromEntries(COUNTED.map((name) => [name, { $sum: `$${name}` }]));
      const found = await days
        .aggregate<SessionTotals & { readonly _id: string }>([
          { $match: { appId, release } },
          { $group: { _id: '$environment', ...sums } },
          { $sort: { _id: 1 } },
        ])
        .toArray();
      return new Map(found.map(({ _id, ...totals }) => [_id, totals]));
    },
  };
}

export type Sessions = ReturnType<typeof sessions>;

type Place = Pick<ReleaseDayDoc, 'appId' | 'release' | 'environment' | 'day'>;
type DaySums = ReturnType<typeof daySums>;

const placeOf = ({ appId, release, environment, day }: Place): Place => ({ appId, release, environment, day });

type Row = Pick<ReleaseProfileDoc, 'appId' | 'release' | 'profileId'>;

const rowKey = ({ appId, release, profileId }: Row): string =>
  `${appId.toHexString()}/${profileId.toHexString()}/${release}`;

/** A look-up for each release, of all its profiles. */
function byRelease(rows: readonly Row[]) {
  const groups = new Map<string, Pick<Row, 'appId' | 'release'> & { readonly profileId: { $in: ObjectId[] } }>();
  for (const { appId, release, profileId } of rows) {
    const key = `${appId.toHexString()}/${release}`;
    const group = groups.get(key) ?? { appId, release, profileId: { $in: [] } };
    group.profileId.$in.push(profileId);
    groups.set(key, group);
  }
  return groups.values();
}

/** Adds up what one flush counts, a document's worth each, in one order for all flushes. */
function daySums() {
  const byPlace = new Map<string, { readonly place: Place; readonly counts: Record<Counted, number> }>();
  return {
    add(at: Place, counts: Partial<Record<Counted, number>>): void {
      const place = placeOf(at);
      const key = JSON.stringify([place.appId.toHexString(), place.release, place.environment, place.day]);
      const sum = byPlace.get(key) ?? { place, counts: { ...NOTHING } };
      byPlace.set(key, sum);
      for (const name of COUNTED) sum.counts[name] += counts[name] ?? 0;
    },
    all: () => [...byPlace].sort(([a], [b]) => byText(a, b)).map(([, sum]) => sum),
  };
}

/** Statements on one session as one: the first says where it belongs, the worst how it went. */
function folded(stated: readonly SingleSession[]): ReadonlyMap<string, SingleSession> {
  const byId = new Map<string, SingleSession>();
  for (const each of stated) {
    const id = `${each.appId.toHexString()}/${each.sid}`;
    const before = byId.get(id);
    byId.set(id, before === undefined ? each : { ...before, status: worse(before.status, each.status) });
  }
  return new Map([...byId].sort(([a], [b]) => byText(a, b)));
}
