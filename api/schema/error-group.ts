import { type Static, Type } from '@fastify/type-provider-typebox';
import { type ErrorSort, ERROR_SORTS, type ListedGroup } from '../../db/error-reads.js';
import type { MergedGroup, NamedCount } from '../../db/error-group-reads.js';
import type { ErrorActivityDoc } from '../../db/error-activity.js';
import type { ErrorGroupDoc } from '../../db/error-groups.js';
import { DAY_MS } from '../../domain/limits.js';
import { ERROR_STATUSES } from '../../domain/error-status.js';
import { SEVERITIES } from '../../domain/occurrence.js';
import { explainGrouping } from '../../domain/grouping.js';
import { APP_SLUG } from '../../domain/app.js';
import { Id, iso, NullableInstant } from './common.js';
import { After, NextCursor } from './cursor.js';
import { OccurrenceSummary } from './error-occurrence.js';

const NullableId = Type.Union([Id, Type.Null()]);
const Counts = Type.Array(Type.Integer());
const limit = Type.Integer({ minimum: 1, maximum: 200, default: 50 });

export const ErrorGroupParams = Type.Object({ appId: Type.String({ pattern: APP_SLUG }), groupId: Id });

export const ErrorsQuery = Type.Object(
  {
    status: Type.Optional(
      Type.Array(Type.Enum([...ERROR_STATUSES]), { minItems: 1, maxItems: 4, description: 'several: any of them' }),
    ),
    assignee: Type.Optional(
      Type.String({ pattern: '^(?:[0-9a-f]{24}|me|none)$', description: 'a member id, `me` or `none`' }),
    ),
    release: Type.Optional(Type.String({ minLength: 1, maxLength: 250, description: 'seen in this release' })),
    environment: Type.Optional(Type.String({ minLength: 1, maxLength: 250 })),
    text: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        pattern: '[\\p{L}\\p{N}_$]',
        description:
          'words of title, culprit and message: each word given has to be the beginning of one of them, in any order and case; `checkout` also finds `renderCheckoutForm`',
      }),
    ),
    sort: Type.Enum([...ERROR_SORTS], { default: 'lastSeen' }),
    direction: Type.Enum(['descending', 'ascending'], { default: 'descending' }),
    limit,
    after: Type.Optional(After),
  },
  { additionalProperties: false },
);

export const PageAfterQuery = Type.Object({ limit, after: Type.Optional(After) }, { additionalProperties: false });

const Resolution = Type.Object({
  kind: Type.String(),
  release: Type.Union([Type.String(), Type.Null()]),
  at: Type.String(),
  by: NullableId,
});
const NullableCount = Type.Union([Type.Integer(), Type.Null()]);
const Ignore = Type.Object({
  until: NullableInstant,
  occurrences: NullableCount,
  profiles: NullableCount,
  window: Type.Union([Type.Object({ count: Type.Integer(), minutes: Type.Integer() }), Type.Null()]),
});
const Regression = Type.Object({ release: Type.String(), comparedBy: Type.String(), at: Type.String() });

const LISTED = {
  groupId: Type.String(),
  fingerprint: Type.String(),
  title: Type.String(),
  culprit: Type.String(),
  message: Type.String(),
  severity: Type.Enum([...SEVERITIES]),
  status: Type.Enum([...ERROR_STATUSES]),
  assignee: NullableId,
  firstSeen: Type.String(),
  lastSeen: Type.String(),
  occurrenceCount: Type.Integer(),
  affectedProfiles: Type.Integer(),
  /** The oldest and the newest that it was seen in. */
  firstRelease: Type.Union([Type.String(), Type.Null()]),
  newestRelease: Type.Union([Type.String(), Type.Null()]),
  resolution: Type.Union([Resolution, Type.Null()]),
  ignore: Type.Union([Ignore, Type.Null()]),
  regressedAt: NullableInstant,
  regressionCount: Type.Integer(),
  verifiedAt: NullableInstant,
};
export const ListedGroupView = Type.Object(LISTED);
export const ErrorsView = Type.Object({ groups: Type.Array(ListedGroupView), next: NextCursor });

const NamedCountView = Type.Object({
  name: Type.String({ description: '`""` where none was named, `*` for all beyond the bound of names' }),
  count: Type.Integer(),
  firstDay: Type.String(),
  lastDay: Type.String(),
});

export const ErrorGroupView = Type.Object({
  ...LISTED,
  regression: Type.Union([Regression, Type.Null()]),
  comments: Type.Array(Type.Object({ authorId: Type.String(), text: Type.String(), createdAt: Type.String() })),
  grouping: Type.Object({
    version: Type.Integer(),
    by: Type.String(),
    components: Type.Array(Type.String()),
    explanation: Type.String(),
  }),
  /** The group that stands for this one. */
  mergedInto: NullableId,
  merged: Type.Array(
    Type.Object({
      groupId: Type.String(),
      fingerprint: Type.String(),
      title: Type.String(),
      culprit: Type.String(),
      message: Type.String(),
      occurrenceCount: Type.Integer(),
      firstSeen: Type.String(),
      lastSeen: Type.String(),
    }),
    { description: 'groups that this one stands for, with what is their own' },
  ),
  merging: Type.Boolean({ description: '`affectedProfiles` is still on its way, after a merge or an unmerge' }),
  releases: Type.Array(NamedCountView),
  environments: Type.Array(NamedCountView),
  sparkline: Type.Object(
    { hours: Counts, days: Counts },
    { description: '24 hours and 30 UTC days, the current last' },
  ),
  firstOccurrence: Type.Union([OccurrenceSummary, Type.Null()], { description: 'of those that are still stored' }),
  newestOccurrence: Type.Union([OccurrenceSummary, Type.Null()]),
});
export type ErrorGroupView = Static<typeof ErrorGroupView>;

export const ActivityView = Type.Object({
  activity: Type.Array(
    Type.Object({
      activityId: Type.String(),
      at: Type.String(),
      actor: NullableId,
      verb: Type.String(),
      facts: Type.Record(Type.String(), Type.Unknown()),
    }),
  ),
  next: NextCursor,
});

const instantOf = (date: Date): string => date.toISOString();

export function listedGroupView(doc: ListedGroup): Static<typeof ListedGroupView> {
  const { resolution, ignore } = doc;
  return {
    groupId: doc._id.toHexString(),
    fingerprint: doc.fingerprint,
    title: doc.title,
    culprit: doc.culprit,
    message: doc.message,
    severity: doc.severity,
    status: doc.status,
    assignee: doc.assignee?.toHexString() ?? null,
    firstSeen: instantOf(doc.firstSeen),
    lastSeen: instantOf(doc.lastSeen),
    occurrenceCount: doc.occurrenceCount,
    affectedProfiles: doc.affectedProfiles,
    firstRelease: doc.releases[0] ?? null,
    newestRelease: doc.releases.at(-1) ?? null,
    resolution: resolution && {
      kind: resolution.kind,
      release: resolution.release,
      at: instantOf(resolution.at),
      by: resolution.by?.toHexString() ?? null,
    },
    ignore: ignore && { ...ignore, until: iso(ignore.until) },
    regressedAt: iso(doc.regressedAt),
    regressionCount: doc.regressionCount,
    verifiedAt: iso(doc.verifiedAt),
  };
}

export const groupFacts = ({ regression, comments, grouping, mergedInto }: ErrorGroupDoc) => ({
  regression: regression && { ...regression, at: instantOf(regression.at) },
  comments: comments.map(({ authorId, text, createdAt }) => ({
    authorId: authorId.toHexString(),
    text,
    createdAt: instantOf(createdAt),
  })),
  grouping: { ...grouping, components: [...grouping.components], explanation: explainGrouping(grouping) },
  mergedInto: mergedInto?.toHexString() ?? null,
});

export const mergedGroupView = ({
  _id,
  own,
  fingerprint,
  title,
  culprit,
  message,
}: MergedGroup): ErrorGroupView['merged'][number] => ({
  fingerprint,
  title,
  culprit,
  message,
  groupId: _id.toHexString(),
  occurrenceCount: own.count,
  firstSeen: instantOf(own.firstSeen),
  lastSeen: instantOf(own.lastSeen),
});

const dayText = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10);

export const namedCountView = ({ firstDay, lastDay, ...named }: NamedCount): Static<typeof NamedCountView> => ({
  ...named,
  firstDay: dayText(firstDay),
  lastDay: dayText(lastDay),
});

export const activityView = ({ _id, at, actor, verb, facts }: ErrorActivityDoc) => ({
  activityId: _id.toHexString(),
  at: instantOf(at),
  actor: actor?.toHexString() ?? null,
  verb,
  facts: { ...facts },
});

/** What a group is sorted by, as a number. */
export const sortedBy = (doc: ListedGroup, sort: ErrorSort): number => Number(doc[sort]);
