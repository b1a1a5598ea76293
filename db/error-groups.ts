import { ObjectId } from 'mongodb';
import { ERROR_STATUSES, type ErrorStatus } from '../domain/error-status.js';
import { SEVERITIES, type Severity } from '../domain/occurrence.js';
import type { CollectionSpec } from './collection.js';
import { arrayOf, date, documentOf, nullable, number, objectId, oneOf, optional, string } from './json-schema.js';

export const GROUPED_BY = ['client', 'stack', 'message'] as const;

interface CommentDoc {
  readonly authorId: ObjectId;
  readonly text: string;
  readonly createdAt: Date;
}

/** What belongs to the group's own fingerprint, without what was merged into it: so that unmerging is exact. */
export interface OwnCounts {
  readonly count: number;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
}

/** Why this fingerprint is what it is. */
export interface GroupingDoc {
  /** Of the algorithm; a newer one never regroups what an older one made. */
  readonly version: number;
  readonly by: (typeof GROUPED_BY)[number];
  /** What was hashed, in order. */
  readonly components: readonly string[];
}

export interface ResolutionDoc {
  readonly kind: 'now' | 'release' | 'next_release';
  /** The fixed release; for `next_release` the highest declared one at that moment; else null. */
  readonly release: string | null;
  readonly at: Date;
  /** Null: resolved by the schedule for quiet groups. */
  readonly by: ObjectId | null;
}

/** When being ignored ends; all null: never by itself. Counts are absolute, as of the moment they were set. */
export interface IgnoreDoc {
  readonly until: Date | null;
  readonly occurrences: number | null;
  readonly profiles: number | null;
  readonly window: { readonly count: number; readonly minutes: number } | null;
}

/** How the last regression was judged. */
export interface RegressionDoc {
  readonly release: string;
  readonly comparedBy: 'semver' | 'first_seen' | 'time';
  readonly at: Date;
}

/**
 * Rows of profiles on their way, after a merge or an unmerge; gone when they have arrived. `clear` takes away the rows
 * of what is no longer behind this group, `copy` gives its own rows to the group that stands for it.
 */
export interface ProfileMoveDoc {
  readonly phase: 'clear' | 'copy';
  /** The last profile that was done; null: none yet. */
  readonly after: ObjectId | null;
}

/**
 * All occurrences that share a fingerprint, and the map from fingerprint to group: a merged group stays as it is, goes
 * on counting its `own`, and points to the group that now stands for it.
 */
export interface ErrorGroupDoc {
  readonly _id: ObjectId;
  readonly appId: ObjectId;
  readonly fingerprint: string;
  /** The message of one occurrence, to stand for all. */
  readonly message: string;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
  readonly occurrenceCount: number;
  readonly affectedProfiles: number;
  readonly status: ErrorStatus;
  readonly assignee: ObjectId | null;
  readonly comments: readonly CommentDoc[];

  /** The type of the thrown error, or what stands for it. */
  readonly title: string;
  /** Function and file of the frame that names it. */
  readonly culprit: string;
  readonly severity: Severity;
  readonly grouping: GroupingDoc;
  readonly own: OwnCounts;
  /** Never points to a group that is merged itself. */
  readonly mergedInto: ObjectId | null;
  /** Changes with each change of status or of what it depends on, and with nothing else: the guard of those writes. */
  readonly statusRev: number;
  readonly resolution: ResolutionDoc | null;
  readonly ignore: IgnoreDoc | null;
  readonly regressedAt: Date | null;
  readonly regressionCount: number;
  readonly regression: RegressionDoc | null;
  /** Proof of fix: enough sessions on the fixed release, and none with this error. */
  readonly verifiedAt: Date | null;
  /** Seen in, oldest first; bounded, more are counted as `*` in the days. */
  readonly releases: readonly string[];
  readonly environments: readonly string[];
  /** Occurrences kept as `newest`, which make room for newer ones. */
  readonly newestKept: number;
  /** What it is found by, as `searchWords` of `domain/error-search.ts` has it. */
  readonly words?: readonly string[];
  readonly profileMove?: ProfileMoveDoc;
}

/** Of a group that nobody has changed, merged or seen come back. */
export const UNTOUCHED = {
  mergedInto: null,
  statusRev: 0,
  resolution: null,
  ignore: null,
  regressedAt: null,
  regressionCount: 0,
  regression: null,
  verifiedAt: null,
  releases: [],
  environments: [],
  newestKept: 0,
} as const satisfies Partial<ErrorGroupDoc>;

const NO_ID = ObjectId.createFromHexString('0'.repeat(24));

/** Names of indexes that lists ask for, by the field that they are for. */
export const GROUP_INDEXES = {
  lastSeen: 'by_status_last_seen',
  firstSeen: 'by_status_first_seen',
  occurrenceCount: 'by_status_count',
  affectedProfiles: 'by_status_profiles',
  releases: 'by_release',
  environments: 'by_environment',
  words: 'by_word',
  assignee: 'by_assignee',
} as const;

export const errorGroupsSpec: CollectionSpec = {
  name: 'error_groups',
  // Each one costs every flush: only those of the sorts hold what occurrences change.
  indexes: [
    { key: { appId: 1, fingerprint: 1 }, name: 'once_per_app', unique: true },
    { key: { appId: 1, status: 1, lastSeen: -1, _id: -1 }, name: GROUP_INDEXES.lastSeen },
    { key: { appId: 1, status: 1, firstSeen: -1, _id: -1 }, name: GROUP_INDEXES.firstSeen },
    { key: { appId: 1, status: 1, occurrenceCount: -1, _id: -1 }, name: GROUP_INDEXES.occurrenceCount },
    { key: { appId: 1, status: 1, affectedProfiles: -1, _id: -1 }, name: GROUP_INDEXES.affectedProfiles },
    { key: { appId: 1, releases: 1, status: 1 }, name: GROUP_INDEXES.releases },
    { key: { appId: 1, environments: 1, status: 1 }, name: GROUP_INDEXES.environments },
    { key: { appId: 1, words: 1 }, name: GROUP_INDEXES.words },
    {
      key: { appId: 1, assignee: 1 },
      name: GROUP_INDEXES.assignee,
      partialFilterExpression: { assignee: { $gt: NO_ID } },
    },
    // `$gt` any id, since a `$type` would not be seen to hold for the id that is asked for.
    {
      key: { mergedInto: 1 },
      name: 'by_survivor',
      partialFilterExpression: { mergedInto: { $gt: NO_ID } },
    },
  ],
  jsonSchema: documentOf<ErrorGroupDoc>({
    _id: objectId,
    appId: objectId,
    fingerprint: string,
    message: string,
    firstSeen: date,
    lastSeen: date,
    occurrenceCount: number,
    affectedProfiles: number,
    status: oneOf(ERROR_STATUSES),
    assignee: nullable(objectId),
    comments: arrayOf(documentOf<CommentDoc>({ authorId: objectId, text: string, createdAt: date })),
    title: string,
    culprit: string,
    severity: oneOf(SEVERITIES),
    grouping: documentOf<GroupingDoc>({ version: number, by: oneOf(GROUPED_BY), components: arrayOf(string) }),
    own: documentOf<OwnCounts>({ count: number, firstSeen: date, lastSeen: date }),
    mergedInto: nullable(objectId),
    statusRev: number,
    resolution: nullable(
      documentOf<ResolutionDoc>({
        kind: oneOf(['now', 'release', 'next_release']),
        release: nullable(string),
        at: date,
        by: nullable(objectId),
      }),
    ),
    ignore: nullable(
      documentOf<IgnoreDoc>({
        until: nullable(date),
        occurrences: nullable(number),
        profiles: nullable(number),
        window: nullable(documentOf<NonNullable<IgnoreDoc['window']>>({ count: number, minutes: number })),
      }),
    ),
    regressedAt: nullable(date),
    regressionCount: number,
    regression: nullable(
      documentOf<RegressionDoc>({ release: string, comparedBy: oneOf(['semver', 'first_seen', 'time']), at: date }),
    ),
    verifiedAt: nullable(date),
    releases: arrayOf(string),
    environments: arrayOf(string),
    newestKept: number,
    words: optional(arrayOf(string)),
    profileMove: optional(documentOf<ProfileMoveDoc>({ phase: oneOf(['clear', 'copy']), after: nullable(objectId) })),
  }),
};
