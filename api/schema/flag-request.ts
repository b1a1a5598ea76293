import { type Static, Type } from '@fastify/type-provider-typebox';
import { INTENT_KINDS, intentOf } from '../../db/flag-intents.js';
import type { FlagRequestDoc } from '../../db/flag-requests.js';
import { APP_SLUG } from '../../domain/app.js';
import { COMMENT_CHARACTERS, REQUEST_STATES } from '../../domain/flag-request.js';
import { Id, iso, Next, NullableInstant, PageQuery } from './common.js';
import { FlagKey, Note } from './flag.js';
import { IntentRequest } from './flag-intent.js';

const closed = { additionalProperties: false } as const;
export const FlagRequestParams = Type.Object({ appId: Type.String({ pattern: APP_SLUG }), requestId: Id });

/** Exactly one change, why, and the preview that was looked at. */
export const CreateFlagRequestRequest = Type.Object(
  { ...IntentRequest.properties, note: Type.Optional(Note), previewId: Type.Optional(Id) },
  closed,
);
export const DecisionRequest = Type.Object(
  { comment: Type.String({ maxLength: COMMENT_CHARACTERS, default: '' }) },
  closed,
);

export const FlagRequestsQuery = Type.Object(
  {
    ...PageQuery.properties,
    state: Type.Optional(Type.Enum([...REQUEST_STATES])),
    flagKey: Type.Optional(FlagKey),
  },
  closed,
);

const NullableText = Type.Union([Type.String(), Type.Null()]);
const listed = {
  requestId: Type.String(),
  kind: Type.Enum([...INTENT_KINDS]),
  /** Both are null where it is about many. */
  flagKey: NullableText,
  segmentKey: NullableText,
  state: Type.Enum([...REQUEST_STATES]),
  baseVersion: Type.Union([Type.Integer(), Type.Null()], {
    description: 'of what it is a change of; once that has another version, the request is stale',
  }),
  previewId: NullableText,
  requestedBy: Type.String(),
  requestedByName: Type.String(),
  note: Type.String(),
  decidedBy: NullableText,
  decidedByName: NullableText,
  decidedAt: NullableInstant,
  comment: Type.String(),
  reason: Type.Union([Type.String(), Type.Null()], { description: 'why it is stale' }),
  createdAt: Type.String(),
  endedAt: NullableInstant,
  expiresAt: Type.String(),
};
const ListedFlagRequestView = Type.Object(listed);
type ListedFlagRequestView = Static<typeof ListedFlagRequestView>;
export const FlagRequestsView = Type.Object({ requests: Type.Array(ListedFlagRequestView), next: Next });
export const FlagRequestView = Type.Object({
  ...listed,
  change: Type.Unknown({ description: 'what is asked for' }),
});

export const listedFlagRequestView = (doc: Omit<FlagRequestDoc, 'intent'>): ListedFlagRequestView => ({
  requestId: doc._id.toHexString(),
  kind: doc.kind,
  flagKey: doc.flagKey,
  segmentKey: doc.segmentKey,
  state: doc.state,
  baseVersion: doc.baseVersion,
  previewId: doc.previewId?.toHexString() ?? null,
  requestedBy: doc.requestedBy.toHexString(),
  requestedByName: doc.requestedByName,
  note: doc.note,
  decidedBy: doc.decidedBy?.toHexString() ?? null,
  decidedByName: doc.decidedByName,
  decidedAt: iso(doc.decidedAt),
  comment: doc.comment,
  reason: doc.reason,
  createdAt: doc.createdAt.toISOString(),
  endedAt: iso(doc.endedAt),
  expiresAt: doc.expiresAt.toISOString(),
});

export const flagRequestView = (doc: FlagRequestDoc): Static<typeof FlagRequestView> => ({
  ...listedFlagRequestView(doc),
  change: intentOf(doc.intent),
});
