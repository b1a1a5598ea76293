import { type Static, Type } from '@fastify/type-provider-typebox';
import type { FlagContent } from '../../db/flag-content.js';
import type { FlagIntent } from '../../db/flag-intents.js';
import { PlatformError } from '../../domain/errors.js';
import { FLAG_LIMITS } from '../../domain/flag-limits.js';
import {
  ChangeFlagRequest,
  contentChange,
  CreateFlagRequest,
  FlagKey,
  ImportedFlag,
  importedFlag,
  newContent,
} from './flag.js';
import { ChangeSegmentRequest, clausesOf, SegmentRequest, segmentOf } from './flag-segment.js';

const closed = { additionalProperties: false } as const;
const OneFlag = Type.Object({ flagKey: FlagKey }, closed);
const ofChange = Type.Omit(ChangeFlagRequest, ['note']).properties;
const ofCreation = Type.Omit(CreateFlagRequest, ['note']).properties;
const ofSegmentChange = Type.Omit(ChangeSegmentRequest, ['note']).properties;

/** What may be changed of flags, each as its own route takes it. Exactly one of them. */
export const IntentRequest = Type.Object(
  {
    create: Type.Optional(Type.Object(ofCreation, closed)),
    change: Type.Optional(Type.Object({ flagKey: FlagKey, ...ofChange }, { ...closed, minProperties: 2 })),
    revert: Type.Optional(
      Type.Object({ flagKey: FlagKey, version: Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 }) }, closed),
    ),
    archive: Type.Optional(OneFlag),
    restore: Type.Optional(OneFlag),
    revive: Type.Optional(OneFlag),
    createSegment: Type.Optional(SegmentRequest),
    changeSegment: Type.Optional(
      Type.Object({ segmentKey: FlagKey, ...ofSegmentChange }, { ...closed, minProperties: 2 }),
    ),
    removeSegment: Type.Optional(Type.Object({ segmentKey: FlagKey }, closed)),
    import: Type.Optional(
      Type.Object(
        {
          flags: Type.Array(ImportedFlag, { maxItems: FLAG_LIMITS.flags, default: [] }),
          segments: Type.Array(SegmentRequest, { maxItems: FLAG_LIMITS.segments, default: [] }),
        },
        closed,
      ),
    ),
  },
  closed,
);
export type IntentRequest = Static<typeof IntentRequest>;

const NAMES = Object.keys(IntentRequest.properties) as readonly (keyof IntentRequest)[];

/** @throws REQUEST_INVALID unless exactly one change is named */
export function intentFrom(given: IntentRequest): FlagIntent {
  const named = NAMES.filter((name) => given[name] !== undefined);
  const [name] = named;
  if (name === undefined || named.length > 1)
    throw new PlatformError('REQUEST_INVALID', `name exactly one of ${NAMES.join(', ')}`);
  const { create, change, createSegment, changeSegment, removeSegment, import: many } = given;
  if (create !== undefined) return { kind: 'create', flag: flagOf(create) };
  if (change !== undefined) {
    const { flagKey, ...content } = change;
    return { kind: 'change', flagKey, change: contentChange(content) };
  }
  if (createSegment !== undefined) {
    const { key, ...content } = segmentOf(createSegment);
    return { kind: 'segment-create', segmentKey: key, content };
  }
  if (changeSegment !== undefined) {
    const { segmentKey, description, clauses } = changeSegment;
    const content = { description, clauses: clauses === undefined ? undefined : clausesOf(clauses) };
    return { kind: 'segment-change', segmentKey, change: content };
  }
  if (removeSegment !== undefined) return { kind: 'segment-remove', ...removeSegment };
  if (many !== undefined) {
    return { kind: 'import', flags: many.flags.map(importedFlag), segments: many.segments.map(segmentOf) };
  }
  return verbOf(given);
}

function verbOf({ revert, archive, restore, revive }: IntentRequest): FlagIntent {
  if (revert !== undefined) return { kind: 'revert', ...revert };
  if (archive !== undefined) return { kind: 'archive', ...archive };
  if (restore !== undefined) return { kind: 'restore', ...restore };
  if (revive !== undefined) return { kind: 'revive', ...revive };
  throw new PlatformError('REQUEST_INVALID', 'nothing is named');
}

const flagOf = (given: Omit<CreateFlagRequest, 'note'>) => {
  const { key, type, defaultValue } = given;
  return { key, type, ...newContent(given), defaultValue };
};

/** Whom an intent makes owner of a flag. */
export function ownerIn(intent: FlagIntent): FlagContent['owner'] {
  if (intent.kind === 'create') return intent.flag.owner;
  return intent.kind === 'change' ? (intent.change.owner ?? null) : null;
}
