import { type AnyBulkWriteOperation, ObjectId } from 'mongodb';
import { searchWords } from '../domain/error-search.js';
import type { AlertDoc } from './alerts.js';
import { type ErrorGroupDoc, UNTOUCHED } from './error-groups.js';
import type { GroupHead, StatusChange } from './error-judge.js';
import { namesWith, seenAt, type Tally } from './error-tally.js';

/** A group as the transaction sees it, and what it changes. */
export interface Entry {
  readonly head: GroupHead;
  readonly isNew: boolean;
  /** Of its own fingerprint; undefined for a group that only stands for another. */
  tally?: Tally;
  count: number;
  profiles: number;
  firstSeen: Date;
  lastSeen: Date;
  newest: number;
  releases: readonly string[];
  environments: readonly string[];
  occurrences: { release: string; atMs: number }[];
  change?: StatusChange;
}

export const entryOf = (head: GroupHead, isNew: boolean): Entry => ({
  head,
  isNew,
  count: 0,
  profiles: 0,
  firstSeen: head.firstSeen,
  lastSeen: head.lastSeen,
  newest: 0,
  releases: head.releases,
  environments: head.environments,
  occurrences: [],
});

export function count(entry: Entry, tally: Tally): void {
  entry.count += tally.errors.length;
  if (tally.firstSeen < entry.firstSeen) entry.firstSeen = tally.firstSeen;
  if (tally.lastSeen > entry.lastSeen) entry.lastSeen = tally.lastSeen;
  entry.releases = namesWith(entry.releases, tally.releases, 'releases');
  entry.environments = namesWith(entry.environments, tally.environments, 'environments');
  // Only those who are in some state to be ended by it need to know.
  if (entry.head.status !== 'resolved') return;
  for (const { error } of tally.errors) entry.occurrences.push({ release: error.release, atMs: seenAt(error) });
}

export function newGroup(appId: ObjectId, { fingerprint, errors, firstSeen, lastSeen }: Tally): ErrorGroupDoc {
  const [{ error, grouping, title, culprit }] = errors;
  return {
    _id: new ObjectId(),
    appId,
    fingerprint,
    message: error.message,
    firstSeen,
    lastSeen,
    occurrenceCount: 0,
    affectedProfiles: 0,
    status: 'new',
    assignee: null,
    comments: [],
    title,
    culprit,
    severity: error.severity,
    grouping,
    own: { count: 0, firstSeen, lastSeen },
    ...UNTOUCHED,
    words: searchWords({ title, culprit, message: error.message }),
  };
}

export function groupWrite(entry: Entry): AnyBulkWriteOperation<ErrorGroupDoc> {
  const { head, tally, count, profiles, firstSeen, lastSeen, newest, releases, environments, change } = entry;
  if (entry.isNew) {
    const document = {
      ...(head as ErrorGroupDoc),
      occurrenceCount: count,
      affectedProfiles: profiles,
      own: { count, firstSeen, lastSeen },
      releases,
      environments,
      newestKept: newest,
    };
    return { insertOne: { document } };
  }
  return {
    updateOne: {
      filter: { _id: head._id },
      update: {
        $inc: {
          occurrenceCount: count,
          ...(profiles > 0 && { affectedProfiles: profiles }),
          ...(newest !== 0 && { newestKept: newest }),
          ...(tally && { 'own.count': tally.errors.length }),
          ...(change && { statusRev: 1 }),
        },
        $max: { lastSeen, ...(tally && { 'own.lastSeen': tally.lastSeen }) },
        ...(firstSeen < head.firstSeen || (tally && tally.firstSeen < head.own.firstSeen)
          ? { $min: { firstSeen, ...(tally && { 'own.firstSeen': tally.firstSeen }) } }
          : {}),
        $set: {
          ...(releases.length > head.releases.length && { releases }),
          ...(environments.length > head.environments.length && { environments }),
          ...change?.set,
        },
      },
    },
  };
}

export const newGroupAlert = ({ _id, appId }: GroupHead, now: Date): AlertDoc => ({
  _id: `${_id.toHexString()}/new_group/0`,
  appId,
  groupId: _id,
  cause: 'new_group',
  at: now,
  facts: {},
  state: 'new',
});
