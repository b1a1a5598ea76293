import { type Static, Type } from '@fastify/type-provider-typebox';
import type { ErrorDoc } from '../../db/errors.js';
import { NOBODY } from '../../db/ids.js';
import type { Distributions, ListedOccurrence } from '../../db/occurrence-reads.js';
import { APP_SLUG } from '../../domain/app.js';
import { SEVERITIES, UNRESOLVED_REASONS } from '../../domain/occurrence.js';
import { shownExceptions } from '../../domain/shown-exceptions.js';
import { Id } from './common.js';
import { BrowserContext, PageContext } from './contexts.js';
import { NextCursor } from './cursor.js';

const NullableText = Type.Union([Type.String(), Type.Null()]);
const Texts = Type.Record(Type.String(), Type.String());

export const OccurrenceParams = Type.Object({
  appId: Type.String({ pattern: APP_SLUG }),
  groupId: Id,
  occurrenceId: Id,
});

const LISTED = {
  occurrenceId: Type.String(),
  errorId: Type.String(),
  /** Of its own fingerprint, which may be merged into the one that was asked for. */
  groupId: Type.String(),
  timestamp: Type.String(),
  receivedAt: Type.String(),
  message: Type.String(),
  severity: Type.Enum([...SEVERITIES]),
  release: Type.String(),
  environment: Type.String(),
  profileId: Type.Union([Type.String(), Type.Null()], { description: 'null: nobody was named' }),
  pageUrl: Type.String(),
  userComment: NullableText,
  keptAs: Type.String({ description: 'among the first, a sample, or the newest' }),
};
export const OccurrenceSummary = Type.Object(LISTED);
type OccurrenceSummary = Static<typeof OccurrenceSummary>;

export const OccurrencesView = Type.Object({ occurrences: Type.Array(OccurrenceSummary), next: NextCursor });

const Frame = Type.Object({
  file: Type.String(),
  module: Type.String(),
  function: Type.String(),
  line: Type.Integer(),
  column: Type.Integer(),
  inApp: Type.Boolean(),
  context: Type.Optional(
    Type.Object({ before: Type.Array(Type.String()), line: Type.String(), after: Type.Array(Type.String()) }),
  ),
  debugId: Type.Optional(Type.String()),
  minified: Type.Optional(
    Type.Object({ file: Type.String(), function: Type.String(), line: Type.Integer(), column: Type.Integer() }),
  ),
  unresolved: Type.Optional(Type.Enum([...UNRESOLVED_REASONS])),
});

export const OccurrenceView = Type.Object({
  ...LISTED,
  errorType: Type.String(),
  sessionId: Type.String(),
  stackTrace: Type.String(),
  sourceFile: Type.String(),
  line: Type.Integer(),
  column: Type.Integer(),
  exceptions: Type.Array(
    Type.Object({
      type: Type.String(),
      value: Type.String(),
      synthetic: Type.Boolean(),
      handled: Type.Union([Type.Boolean(), Type.Null()]),
      frames: Type.Array(Frame),
    }),
    { description: 'the thrown error first, then its causes; of each the crash frame first' },
  ),
  tags: Texts,
  flags: Texts,
  breadcrumbs: Type.Array(
    Type.Object({ timestampMs: Type.Number(), category: Type.String(), message: Type.String(), data: Texts }),
  ),
  pageContext: PageContext,
  browserContext: BrowserContext,
  clientFingerprint: Type.Array(Type.String()),
  sdk: Type.String(),
  truncated: Type.Array(Type.String(), { description: 'fields that were cut to their bound' }),
  /** Its place among all that its fingerprint ever had. */
  ordinal: Type.Integer(),
  older: Type.Union([Type.String(), Type.Null()]),
  newer: Type.Union([Type.String(), Type.Null()]),
});
type OccurrenceView = Static<typeof OccurrenceView>;

export const TagsView = Type.Object({
  occurrences: Type.Integer({ description: 'how many were looked at: those that are stored' }),
  distributions: Type.Array(
    Type.Object({
      source: Type.Enum(['field', 'tag', 'flag']),
      name: Type.String(),
      count: Type.Integer({ description: 'how many of them have it' }),
      distinct: Type.Integer(),
      values: Type.Array(Type.Object({ value: Type.String(), count: Type.Integer() })),
    }),
  ),
  nearlyUnique: Type.Array(Type.String(), { description: 'left out: about as many values as occurrences' }),
});

export const occurrenceSummary = (doc: ListedOccurrence): OccurrenceSummary => ({
  occurrenceId: doc._id.toHexString(),
  errorId: doc.errorId,
  groupId: doc.groupId.toHexString(),
  timestamp: new Date(doc.timestampMs).toISOString(),
  receivedAt: doc.receivedAt.toISOString(),
  message: doc.message,
  severity: doc.severity,
  release: doc.release,
  environment: doc.environment,
  profileId: doc.profileId.equals(NOBODY) ? null : doc.profileId.toHexString(),
  pageUrl: doc.pageUrl,
  userComment: doc.userComment,
  keptAs: doc.keptAs,
});

export const occurrenceView = (doc: ErrorDoc): Omit<OccurrenceView, 'older' | 'newer'> => ({
  ...occurrenceSummary(doc),
  errorType: doc.errorType,
  sessionId: doc.sessionId,
  stackTrace: doc.stackTrace,
  sourceFile: doc.sourceFile,
  line: doc.line,
  column: doc.column,
  exceptions: structuredClone(shownExceptions(doc)) as OccurrenceView['exceptions'],
  tags: doc.tags,
  flags: doc.flags,
  breadcrumbs: [...doc.breadcrumbs],
  pageContext: doc.pageContext,
  browserContext: doc.browserContext,
  clientFingerprint: [...doc.clientFingerprint],
  sdk: doc.sdk,
  truncated: [...doc.truncated],
  ordinal: doc.ordinal,
});

export const tagsView = ({ occurrences, distributions, nearlyUnique }: Distributions): Static<typeof TagsView> => ({
  occurrences,
  distributions: distributions.map(({ values, ...distribution }) => ({ ...distribution, values: [...values] })),
  nearlyUnique: [...nearlyUnique],
});
