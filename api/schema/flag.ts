import { type Static, Type } from '@fastify/type-provider-typebox';
import { contentOf, type FlagContent, type NewFlag } from '../../db/flag-content.js';
import type { FlagRevisionDoc, ListedRevision } from '../../db/flag-revisions.js';
import type { FlagDoc, ListedFlag } from '../../db/flags.js';
import { APP_SLUG } from '../../domain/app.js';
import { FLAG_TYPES } from '../../domain/flag.js';
import { FLAG_KEY_PATTERN } from '../../domain/flag-limits.js';
import { Id, Instant, instant, iso, NullableInstant, objectId } from './common.js';
import { rulesOf, RulesRequest, RuleView, ruleView } from './flag-rule.js';

const closed = { additionalProperties: false } as const;
const version = { minimum: 1, maximum: 2 ** 31 - 1 } as const;

export const FlagKey = Type.String({ pattern: FLAG_KEY_PATTERN });
export const FlagParams = Type.Object({ appId: Type.String({ pattern: APP_SLUG }), flagKey: FlagKey });
export const RevisionParams = Type.Object({
  appId: Type.String({ pattern: APP_SLUG }),
  flagKey: FlagKey,
  version: Type.Integer(version),
});

export const Note = Type.String({ maxLength: 1_000, description: 'why; it stands in the audit log' });
/** For verbs that need nothing else. */
export const NoteRequest = Type.Object({ note: Type.Optional(Note) }, closed);

const Tag = Type.String({ minLength: 1, maxLength: 50, pattern: '^[^\\u0000-\\u001f\\u007f]*$' });
const Description = Type.String({ maxLength: 2_000 });
const Owner = Type.Union([Id, Type.Null()], { description: 'a member' });
const Tags = Type.Array(Tag, { maxItems: 20, uniqueItems: true });
const ExpiresAt = Type.Union([Instant, Type.Null()]);
const ValueSchema = Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()], {
  description: 'JSON Schema for values of type json; docs/flags.md lists the keywords',
});
const Prerequisites = Type.Array(
  Type.Object({ flagKey: FlagKey, values: Type.Array(Type.Unknown(), { minItems: 1, maxItems: 100 }) }, closed),
  { maxItems: 100 },
);

/** Who owns a flag is somebody else elsewhere, so it is not brought along. */
const IMPORTED = {
  description: Type.Optional(Description),
  enabled: Type.Optional(Type.Boolean()),
  rules: Type.Optional(RulesRequest),
  tags: Type.Optional(Tags),
  expiresAt: Type.Optional(ExpiresAt),
  valueSchema: Type.Optional(ValueSchema),
  prerequisites: Type.Optional(Prerequisites),
};
const CONTENT = { ...IMPORTED, owner: Type.Optional(Owner) };

export const CreateFlagRequest = Type.Object(
  {
    key: FlagKey,
    type: Type.Enum([...FLAG_TYPES]),
    defaultValue: Type.Unknown(),
    ...CONTENT,
    note: Type.Optional(Note),
  },
  closed,
);
export type CreateFlagRequest = Static<typeof CreateFlagRequest>;

export const ChangeFlagRequest = Type.Object(
  { defaultValue: Type.Optional(Type.Unknown()), ...CONTENT, note: Type.Optional(Note) },
  { ...closed, minProperties: 1 },
);
export type ChangeFlagRequest = Static<typeof ChangeFlagRequest>;

export const RevertFlagRequest = Type.Object({ version: Type.Integer(version), note: Type.Optional(Note) }, closed);

export const ImportedFlag = Type.Object(
  { key: FlagKey, type: Type.Enum([...FLAG_TYPES]), defaultValue: Type.Unknown(), ...IMPORTED },
  closed,
);
export type ImportedFlag = Static<typeof ImportedFlag>;

export const FlagsQuery = Type.Object(
  {
    limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
    after: Type.Optional(FlagKey),
    archived: Type.Boolean({ default: false, description: 'those that are archived, instead of the others' }),
    tag: Type.Optional(Tag),
    owner: Type.Optional(Id),
    text: Type.Optional(
      Type.String({ minLength: 1, maxLength: 100, description: 'a part of the key or the description' }),
    ),
  },
  closed,
);

export const RevisionsQuery = Type.Object(
  { limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }), before: Type.Optional(Type.Integer(version)) },
  closed,
);

const listed = {
  key: Type.String(),
  type: Type.Enum([...FLAG_TYPES]),
  description: Type.String(),
  enabled: Type.Boolean(),
  owner: Type.Union([Type.String(), Type.Null()]),
  tags: Type.Array(Type.String()),
  expiresAt: NullableInstant,
  killedAt: NullableInstant,
  archivedAt: NullableInstant,
  version: Type.Integer(),
  createdAt: Type.String(),
  updatedAt: Type.String(),
};
const ListedFlagView = Type.Object({ ...listed, rules: Type.Integer({ description: 'how many' }) });
type ListedFlagView = Static<typeof ListedFlagView>;
export const FlagsView = Type.Object({
  flags: Type.Array(ListedFlagView),
  next: Type.Union([Type.String(), Type.Null()], { description: '`after` of the following page' }),
});

const definition = {
  defaultValue: Type.Unknown(),
  rules: Type.Array(RuleView),
  valueSchema: Type.Unknown(),
  prerequisites: Type.Array(Type.Object({ flagKey: Type.String(), values: Type.Array(Type.Unknown()) })),
};
export const FlagView = Type.Object({ ...listed, ...definition });
export type FlagView = Static<typeof FlagView>;

/** What `ImportedFlag` takes. */
export const ExportedFlagView = Type.Object({
  key: listed.key,
  type: listed.type,
  description: listed.description,
  enabled: listed.enabled,
  tags: listed.tags,
  expiresAt: listed.expiresAt,
  ...definition,
});

const revision = {
  version: Type.Integer(),
  appVersion: Type.Integer({ description: "the app's, which this change made" }),
  at: Type.String(),
  actor: Type.Object({
    kind: Type.Enum(['member', 'system']),
    id: Type.Union([Type.String(), Type.Null()]),
    name: Type.String(),
  }),
  action: Type.String(),
  note: Type.Union([Type.String(), Type.Null()]),
};
const ListedRevisionView = Type.Object(revision);
type ListedRevisionView = Static<typeof ListedRevisionView>;
export const RevisionsView = Type.Object({
  revisions: Type.Array(ListedRevisionView),
  next: Type.Union([Type.Integer(), Type.Null()], { description: '`before` of the following page' }),
});
export const RevisionView = Type.Object({ ...revision, flag: FlagView });

interface GivenContent extends Omit<ChangeFlagRequest, 'note'> {
  readonly note?: unknown;
}

/** What a change names, and nothing else. */
export const contentChange = (given: GivenContent) => ({
  description: given.description,
  defaultValue: given.defaultValue,
  enabled: given.enabled,
  rules: given.rules === undefined ? undefined : rulesOf(given.rules),
  owner: typeof given.owner === 'string' ? objectId(given.owner) : given.owner,
  tags: given.tags,
  expiresAt: typeof given.expiresAt === 'string' ? instant(given.expiresAt) : given.expiresAt,
  valueSchema: isSchema(given.valueSchema) ? JSON.stringify(given.valueSchema) : given.valueSchema,
  prerequisites: given.prerequisites,
});

const isSchema = (given: GivenContent['valueSchema']): given is NonNullable<typeof given> =>
  given !== undefined && given !== null;

/** With what is usual, where nothing is said. */
export function newContent(given: GivenContent & { readonly defaultValue: unknown }): FlagContent {
  const { description, enabled, rules, owner, tags, expiresAt, valueSchema, prerequisites } = contentChange(given);
  return {
    description: description ?? '',
    defaultValue: given.defaultValue,
    enabled: enabled ?? true,
    rules: rules ?? [],
    owner: owner ?? null,
    tags: tags ?? [],
    expiresAt: expiresAt ?? null,
    valueSchema: valueSchema ?? null,
    prerequisites: prerequisites ?? [],
  };
}

const listedFields = (doc: Omit<FlagDoc, '_id' | 'appId' | 'rules' | 'defaultValue'>) => ({
  key: doc.key,
  type: doc.type,
  description: doc.description,
  enabled: doc.enabled,
  owner: doc.owner?.toHexString() ?? null,
  tags: [...(doc.tags ?? [])],
  expiresAt: iso(doc.expiresAt ?? null),
  killedAt: iso(doc.killedAt ?? null),
  archivedAt: iso(doc.archivedAt ?? null),
  version: doc.version ?? 1,
  createdAt: doc.createdAt.toISOString(),
  updatedAt: doc.updatedAt.toISOString(),
});

export const listedFlagView = (doc: ListedFlag): ListedFlagView => ({ ...listedFields(doc), rules: doc.rules });

const parsed = (text: string | null): unknown => (text === null ? null : JSON.parse(text));
const prerequisiteViews = (prerequisites: FlagContent['prerequisites']) =>
  prerequisites.map(({ flagKey, values }) => ({ flagKey, values: [...values] }));

export function flagView(doc: Omit<FlagDoc, '_id' | 'appId'>): FlagView {
  const { defaultValue, rules, valueSchema, prerequisites } = contentOf(doc);
  return {
    ...listedFields(doc),
    defaultValue,
    rules: rules.map(ruleView),
    valueSchema: parsed(valueSchema),
    prerequisites: prerequisiteViews(prerequisites),
  };
}

/** As it can be imported, here or elsewhere. */
export function exportedFlag(doc: FlagDoc): Static<typeof ExportedFlagView> {
  const { key, type, description, enabled, tags, expiresAt, ...rest } = flagView(doc);
  const { defaultValue, rules, valueSchema, prerequisites } = rest;
  return { key, type, description, enabled, defaultValue, rules, tags, expiresAt, valueSchema, prerequisites };
}

export const importedFlag = (given: ImportedFlag): Omit<NewFlag, 'owner'> => {
  return { key: given.key, type: given.type, ...newContent({ ...given, owner: null }) };
};

export const listedRevisionView = (doc: ListedRevision): ListedRevisionView => ({
  version: doc.version,
  appVersion: doc.appVersion,
  at: doc.at.toISOString(),
  actor: { kind: doc.actor.kind, id: doc.actor.id?.toHexString() ?? null, name: doc.actor.name },
  action: doc.action,
  note: doc.note ?? null,
});

export const revisionView = (doc: FlagRevisionDoc): Static<typeof RevisionView> => ({
  ...listedRevisionView(doc),
  flag: flagView(doc.flag),
});
