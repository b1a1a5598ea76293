import { type Static, type TSchema, Type } from '@fastify/type-provider-typebox';
import type { MergePreview } from '../../db/error-merge-preview.js';
import { ERROR_STATUSES } from '../../domain/error-status.js';
import { VERB_BOUNDS } from '../../domain/error-verb.js';
import { Id, Instant, NullableInstant } from './common.js';

/** Repeats of a request are known by it; where none is given, each request is a new one. */
const requestId = Type.Optional(
  Type.String({ minLength: 1, maxLength: 200, description: 'or the header `Idempotency-Key`' }),
);
const strict = { additionalProperties: false };

const { windowMinutes, ignoreOccurrences, ignoreProfiles } = VERB_BOUNDS;
const counted = (maximum: number, description: string) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum, description }));

/** For verbs that need nothing, not even a body. */
export const PlainRequest = Type.Union([Type.Object({ requestId }, strict), Type.Null()]);
export const AssignRequest = Type.Object({ requestId, assignee: Type.Union([Id, Type.Null()]) }, strict);
export const CommentRequest = Type.Object(
  { requestId, text: Type.String({ minLength: 1, maxLength: VERB_BOUNDS.commentLength }) },
  strict,
);
export const ResolveRequest = Type.Object(
  {
    requestId,
    in: Type.Enum(['now', 'release', 'next_release'], { default: 'now' }),
    release: Type.Optional(
      Type.String({ minLength: 1, maxLength: VERB_BOUNDS.releaseLength, description: 'with `in: release`' }),
    ),
  },
  strict,
);
export const IgnoreRequest = Type.Object(
  {
    requestId,
    until: Type.Optional(Instant),
    occurrences: counted(ignoreOccurrences, 'so many more, from now on'),
    profiles: counted(ignoreProfiles, 'so many more, from now on'),
    window: Type.Optional(
      Type.Object(
        {
          count: Type.Integer({ minimum: 1, maximum: ignoreOccurrences }),
          minutes: Type.Integer({ minimum: windowMinutes.least, maximum: windowMinutes.most }),
        },
        strict,
      ),
    ),
  },
  strict,
);
export const MergeRequest = Type.Object({ requestId, into: Id }, strict);
export const MergePreviewQuery = Type.Object({ into: Id }, strict);

const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

const GroupStateView = Type.Object({
  groupId: Type.String(),
  status: Type.Enum([...ERROR_STATUSES]),
  statusRev: Type.Integer(),
  assignee: nullable(Type.String()),
  mergedInto: nullable(Type.String({ description: 'the group that stands for this one' })),
  merging: Type.Boolean({ description: '`affectedProfiles` is on its way' }),
  resolution: nullable(
    Type.Object({
      kind: Type.String(),
      release: nullable(Type.String()),
      at: Type.String(),
      by: nullable(Type.String()),
    }),
  ),
  ignore: nullable(
    Type.Object({
      until: NullableInstant,
      occurrences: nullable(Type.Integer()),
      profiles: nullable(Type.Integer()),
      window: nullable(Type.Object({ count: Type.Integer(), minutes: Type.Integer() })),
    }),
  ),
  regressedAt: NullableInstant,
  verifiedAt: NullableInstant,
  occurrenceCount: Type.Integer(),
  affectedProfiles: Type.Integer(),
});

export const VerbView = Type.Object({
  requestId: Type.String(),
  changed: Type.Boolean({ description: 'false: all was as it should be already' }),
  group: GroupStateView,
});

export const VerbPendingView = Type.Object(
  { requestId: Type.String() },
  { description: 'No worker answered in time. Send the request again with this id; it is carried out once.' },
);

const PreviewedGroup = Type.Object({
  groupId: Type.String(),
  title: Type.String(),
  culprit: Type.String(),
  status: Type.Enum([...ERROR_STATUSES]),
  occurrenceCount: Type.Integer(),
  affectedProfiles: Type.Integer(),
  firstSeen: Type.String(),
  lastSeen: Type.String(),
});

export const MergePreviewView = Type.Object({
  from: PreviewedGroup,
  into: PreviewedGroup,
  comesAlong: Type.Integer({ description: 'groups that are merged into `from` and go over too' }),
  result: Type.Object({
    occurrenceCount: Type.Integer(),
    affectedProfiles: Type.Object({ atLeast: Type.Integer(), atMost: Type.Integer() }),
    firstSeen: Type.String(),
    lastSeen: Type.String(),
  }),
});

const previewed = (group: MergePreview['from']): Static<typeof PreviewedGroup> => ({
  groupId: group._id.toHexString(),
  title: group.title,
  culprit: group.culprit,
  status: group.status,
  occurrenceCount: group.occurrenceCount,
  affectedProfiles: group.affectedProfiles,
  firstSeen: group.firstSeen.toISOString(),
  lastSeen: group.lastSeen.toISOString(),
});

export const mergePreviewView = (preview: MergePreview): Static<typeof MergePreviewView> => ({
  from: previewed(preview.from),
  into: previewed(preview.into),
  comesAlong: preview.comesAlong,
  result: {
    occurrenceCount: preview.occurrenceCount,
    affectedProfiles: preview.affectedProfiles,
    firstSeen: preview.firstSeen.toISOString(),
    lastSeen: preview.lastSeen.toISOString(),
  },
});
