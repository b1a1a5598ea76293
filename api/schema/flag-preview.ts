import { type Static, Type } from '@fastify/type-provider-typebox';
import { type FlagPreviewDoc, PREVIEW_STATES } from '../../db/flag-previews.js';
import { APP_SLUG } from '../../domain/app.js';
import { EFFECTS } from '../../domain/blast-radius.js';
import { Id, iso, Next, NullableInstant } from './common.js';

export const PreviewParams = Type.Object({ appId: Type.String({ pattern: APP_SLUG }), previewId: Id });

const NullableText = Type.Union([Type.String(), Type.Null()]);
const Count = Type.Integer({ description: 'profiles' });

const listed = {
  previewId: Type.String(),
  /** Both are null where it is about many. */
  flagKey: NullableText,
  segmentKey: NullableText,
  state: Type.Enum([...PREVIEW_STATES]),
  baseVersion: Type.Union([Type.Integer(), Type.Null()], {
    description: "the app's version of the definitions that it is compared with",
  }),
  total: Type.Integer({ description: 'profiles there are, about' }),
  profiles: Type.Integer({ description: 'profiles that were looked at' }),
  affected: Type.Integer({ description: 'of these, for whom any flag would answer otherwise' }),
  requestedBy: Type.String(),
  failure: NullableText,
  createdAt: Type.String(),
  endedAt: NullableInstant,
  expiresAt: Type.String(),
};
const ListedPreviewView = Type.Object(listed);
type ListedPreviewView = Static<typeof ListedPreviewView>;
export const PreviewsView = Type.Object({ previews: Type.Array(ListedPreviewView), next: Next });

const Counts = Type.Object({ gains: Count, loses: Count, changesVariant: Count, changesValue: Count });
const TransitionView = Type.Object({
  effect: Type.Enum([...EFFECTS]),
  from: Type.Union([Type.String(), Type.Null()], { description: "a variant's key or a value as JSON; null: no flag" }),
  to: NullableText,
  count: Count,
  samples: Type.Array(Type.String(), { description: 'up to 20 profiles, by the ids that clients give' }),
});
export const PreviewView = Type.Object({
  ...listed,
  flags: Type.Array(Type.Object({ flagKey: Type.String(), counts: Counts, transitions: Type.Array(TransitionView) }), {
    description: 'only those that would answer anybody otherwise',
  }),
  isCut: Type.Boolean({ description: 'more flags are touched than are listed' }),
});
export type PreviewView = Static<typeof PreviewView>;

export const listedPreviewView = (doc: Omit<FlagPreviewDoc, 'proposal'>): ListedPreviewView => ({
  previewId: doc._id.toHexString(),
  flagKey: doc.flagKey,
  segmentKey: doc.segmentKey,
  state: doc.state,
  baseVersion: doc.baseVersion,
  total: doc.total,
  profiles: doc.radius.profiles,
  affected: doc.radius.affected,
  requestedBy: doc.requestedBy.toHexString(),
  failure: doc.failure,
  createdAt: doc.createdAt.toISOString(),
  endedAt: iso(doc.endedAt),
  expiresAt: doc.expiresAt.toISOString(),
});

export const previewView = (doc: FlagPreviewDoc): PreviewView => ({
  ...listedPreviewView(doc),
  flags: doc.radius.flags.map(({ flagKey, counts, transitions }) => ({
    flagKey,
    counts,
    transitions: [...transitions].sort((a, b) => b.count - a.count),
  })),
  isCut: doc.radius.isCut,
});
