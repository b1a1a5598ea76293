import { isDeepStrictEqual } from 'node:util';
import type { ObjectId } from 'mongodb';
import { definitionFaults } from '../domain/flag-definition.js';
import type { FlagFault } from '../domain/flag-check.js';
import type { Flag, FlagRule, FlagType, Prerequisite, Segment } from '../domain/flag.js';
import type { FlagDoc, FlagLinks } from './flags.js';
import type { SegmentDoc } from './segments.js';

/** What people write of a flag; the rest is what happened to it. */
export interface FlagContent {
  readonly description: string;
  readonly defaultValue: unknown;
  readonly enabled: boolean;
  readonly rules: readonly FlagRule[];
  readonly owner: ObjectId | null;
  readonly tags: readonly string[];
  readonly expiresAt: Date | null;
  /** As JSON text. */
  readonly valueSchema: string | null;
  readonly prerequisites: readonly Prerequisite[];
}

/** What it was made with, and stays. */
export interface NewFlag extends FlagContent {
  readonly key: string;
  readonly type: FlagType;
}

export interface SegmentContent {
  readonly description: string;
  readonly clauses: Segment['clauses'];
}

export const contentOf = (doc: Omit<FlagDoc, '_id' | 'appId'>): FlagContent => ({
  description: doc.description,
  defaultValue: doc.defaultValue,
  enabled: doc.enabled,
  rules: doc.rules,
  owner: doc.owner ?? null,
  tags: doc.tags ?? [],
  expiresAt: doc.expiresAt ?? null,
  valueSchema: doc.valueSchema ?? null,
  prerequisites: doc.prerequisites ?? [],
});

/** What the audit log is told of a flag: all of it. */
export const flagFacts = (doc: FlagDoc) => ({
  key: doc.key,
  type: doc.type,
  ...contentOf(doc),
  killedAt: doc.killedAt ?? null,
  archivedAt: doc.archivedAt ?? null,
  version: doc.version ?? 1,
});

export const segmentFacts = ({ key, description, clauses, version }: SegmentDoc) => ({
  key,
  description,
  clauses,
  version,
});

/** Whether a change would change nothing; what only the clock says does not count. */
export const sameFlag = (one: FlagDoc, other: FlagDoc): boolean =>
  isDeepStrictEqual(comparable(one), comparable(other));

function comparable(doc: FlagDoc): object {
  const { owner, ...facts } = flagFacts(doc);
  return { ...facts, owner: owner?.toHexString() ?? null };
}

export const sameSegment = (one: SegmentDoc, other: SegmentDoc): boolean =>
  isDeepStrictEqual(segmentFacts(one), segmentFacts(other));

/** Everything for which this flag cannot be saved among others. */
export function faultsOf(flag: NewFlag, others: OtherThings): readonly FlagFault[] {
  const { key, type, defaultValue, rules, prerequisites, valueSchema } = flag;
  return definitionFaults({ key, type, defaultValue, rules, prerequisites, valueSchema }, others);
}

/** As far as one flag depends on others: their rules do not matter, nor who is in a segment. */
export interface OtherThings {
  readonly flags: readonly Flag[];
  readonly segments: readonly Segment[];
}

export const othersOf = (links: readonly FlagLinks[], segmentKeys: readonly string[]): OtherThings => ({
  flags: links.map(({ key, type, prerequisites = [] }) => ({
    key,
    type,
    prerequisites,
    defaultValue: null,
    enabled: true,
    rules: [],
    version: 1,
  })),
  segments: segmentKeys.map((key) => ({ key, clauses: [] })),
});
