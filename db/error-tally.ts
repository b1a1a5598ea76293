import type { ObjectId } from 'mongodb';
import { utcDay } from '../domain/app.js';
import { DAY_MS } from '../domain/limits.js';
import { lookup, own } from '../domain/loose.js';
import { countKey } from './error-group-days.js';
import type { ErrorGroupDoc, GroupingDoc } from './error-groups.js';
import type { PendingError } from './errors.js';
import { NOBODY } from './ids.js';

/** What counting needs of an occurrence. All else stays BSON: thousands wait for a transaction at once. */
export interface ErrorFacts extends Pick<
  PendingError,
  '_id' | 'errorId' | 'profileId' | 'timestampMs' | 'receivedAt' | 'release' | 'environment' | 'message' | 'severity'
> {
  /** Whether the client said which flags there were. */
  readonly hasFlags: boolean;
}

export function factsOf(error: PendingError): ErrorFacts {
  const { _id, errorId, profileId, timestampMs, receivedAt, release, environment, message, severity, flags } = error;
  const hasFlags = flags !== undefined;
  return { _id, errorId, profileId, timestampMs, receivedAt, release, environment, message, severity, hasFlags };
}

/** An occurrence that is symbolicated and knows its fingerprint. */
export interface GroupedError {
  readonly error: ErrorFacts;
  /** All of it as BSON. */
  readonly bytes: Uint8Array;
  /** The flags of its profile where the client did not say: they are not in `bytes` then. */
  readonly flags: Readonly<Record<string, string>> | undefined;
  readonly fingerprint: string;
  readonly grouping: GroupingDoc;
  readonly title: string;
  readonly culprit: string;
  /** Where its release is not noted, since clients have named too many. */
  readonly releaseLeftOut?: boolean;
}

/** What one flush says of one fingerprint. */
export interface Tally {
  readonly fingerprint: string;
  /** In the order they came. */
  readonly errors: readonly [GroupedError, ...GroupedError[]];
  readonly firstSeen: Date;
  readonly lastSeen: Date;
  /** By hex; without nobody. */
  readonly profiles: ReadonlyMap<string, ObjectId>;
  readonly releases: ReadonlySet<string>;
  readonly environments: ReadonlySet<string>;
}

const BUCKET_MS = 5 * 60_000;

/** When an occurrence counts as seen: never in the future, whatever its clock says. */
export const seenAt = ({ timestampMs, receivedAt }: ErrorFacts): number => Math.min(timestampMs, receivedAt.getTime());

export function tallies(errors: readonly GroupedError[]): Tally[] {
  const byFingerprint = new Map<string, [GroupedError, ...GroupedError[]]>();
  for (const each of errors) {
    const known = byFingerprint.get(each.fingerprint);
    if (known) known.push(each);
    else byFingerprint.set(each.fingerprint, [each]);
  }
  // In one order everywhere, so that two transactions meet at their first common group.
  return [...byFingerprint].sort(([a], [b]) => (a < b ? -1 : 1)).map(([fingerprint, own]) => tallyOf(fingerprint, own));
}

function tallyOf(fingerprint: string, errors: readonly [GroupedError, ...GroupedError[]]): Tally {
  let first = Infinity;
  let last = 0;
  const profiles = new Map<string, ObjectId>();
  const releases = new Set<string>();
  const environments = new Set<string>();
  for (const { error } of errors) {
    const at = seenAt(error);
    first = Math.min(first, at);
    last = Math.max(last, at);
    if (!error.profileId.equals(NOBODY)) profiles.set(error.profileId.toHexString(), error.profileId);
    if (error.release !== '') releases.add(error.release);
    if (error.environment !== '') environments.add(error.environment);
  }
  return {
    fingerprint,
    errors,
    firstSeen: new Date(first),
    lastSeen: new Date(last),
    profiles,
    releases,
    environments,
  };
}

/** Names of releases and of environments that a group remembers: what it may grow by is bounded so. */
const MOST_NAMES = { releases: 100, environments: 20 };

/** A group's names with those of a tally, within the bound. */
export const namesWith = (
  known: readonly string[],
  seen: ReadonlySet<string>,
  which: keyof typeof MOST_NAMES,
): readonly string[] => [...new Set([...known, ...seen])].slice(0, Math.max(MOST_NAMES[which], known.length));

/** The counts of a tally by UTC day, as fields to increment by. */
export function dayCounts(
  { errors }: Tally,
  names: Pick<ErrorGroupDoc, 'releases' | 'environments'>,
): Map<number, Record<string, number>> {
  const days = new Map<number, Record<string, number>>();
  const known = { releases: new Set(names.releases), environments: new Set(names.environments) };
  for (const { error } of errors) {
    const at = seenAt(error);
    const day = utcDay(at);
    const counts = days.get(day) ?? {};
    days.set(day, counts);
    const name = (which: keyof typeof known, text: string) =>
      `${which}.${text === '' || known[which].has(text) ? countKey(text) : '*'}`;
    for (const field of [
      'count',
      `times.${String(Math.floor((at - day * DAY_MS) / BUCKET_MS))}`,
      name('releases', error.release),
      name('environments', error.environment),
    ]) {
      own(counts, field, (lookup(counts, field) ?? 0) + 1);
    }
  }
  return days;
}

/** Occurrences of a day's document in the `minutes` before `now`, as exactly as five minutes allow. */
export function countSince(
  day: { readonly day: number; readonly times: Readonly<Record<string, number>> },
  sinceMs: number,
): number {
  let sum = 0;
  for (const [bucket, count] of Object.entries(day.times)) {
    if (day.day * DAY_MS + (Number(bucket) + 1) * BUCKET_MS > sinceMs) sum += count;
  }
  return sum;
}
