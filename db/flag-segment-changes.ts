import { ObjectId } from 'mongodb';
import { PlatformError } from '../domain/errors.js';
import { checkSegment } from '../domain/flag-check.js';
import { shapeFault } from '../domain/flag-definition.js';
import { FLAG_LIMITS } from '../domain/flag-limits.js';
import type { ChangedBy, FlagCommit } from './flag-commit.js';
import type { SegmentContent } from './flag-content.js';
import { mustBeVersion, mustHaveNone, some } from './flag-refusals.js';
import type { Flags } from './flags.js';
import type { SegmentDoc, Segments } from './segments.js';

interface Deps {
  readonly commit: FlagCommit;
  readonly flags: Pick<Flags, 'namingSegment'>;
  readonly segments: Segments;
}

interface SegmentTarget extends ChangedBy {
  readonly segmentKey: string;
  /** The segment's version that this is a change of; with any other it is refused. */
  readonly ifVersion?: number | undefined;
}

interface SegmentCreation extends ChangedBy {
  readonly segment: NewSegment;
}

interface SegmentEdit extends SegmentTarget {
  readonly change: { readonly [K in keyof SegmentContent]?: SegmentContent[K] | undefined };
}

export interface NewSegment extends SegmentContent {
  readonly key: string;
}

export const newSegmentDoc = (segment: NewSegment, { actor, appId }: ChangedBy, at: Date): SegmentDoc => {
  if (actor.id === null) throw new Error('a segment is made by somebody');
  const times = { createdAt: at, updatedAt: at, createdBy: actor.id };
  return { _id: new ObjectId(), appId, ...segment, version: 1, ...times };
};

/** @throws REQUEST_INVALID */
export function mustBeSegment({ key, description, clauses }: NewSegment): void {
  const unsound = shapeFault({ key, description, clauses });
  mustHaveNone(unsound === undefined ? checkSegment({ key, clauses }) : [unsound]);
}

/** @throws CONFLICT */
export function mustBeFew(segments: number): void {
  if (segments <= FLAG_LIMITS.segments) return;
  throw new PlatformError('CONFLICT', `an app has at most ${String(FLAG_LIMITS.segments)} segments`);
}

/** What may happen to a segment. Each change makes a version of the app's flags, since it decides for whom they are. */
export function flagSegmentChanges({ commit, flags, segments }: Deps) {
  return {
    /** @throws CONFLICT when the key is taken; REQUEST_INVALID */
    create: (input: SegmentCreation): Promise<SegmentDoc> =>
      commit(input, async ({ session, at, segment: put }) => {
        const { appId, segment } = input;
        const keys = await segments.keys(session, appId);
        if (keys.includes(segment.key)) {
          throw new PlatformError('CONFLICT', `a segment ${segment.key} is there already`);
        }
        mustBeFew(keys.length + 1);
        mustBeSegment(segment);
        return put('flag-segment.created', undefined, newSegmentDoc(segment, input, at));
      }),

    /** @throws NOT_FOUND, PRECONDITION_FAILED, REQUEST_INVALID */
    change: (input: SegmentEdit): Promise<SegmentDoc> =>
      commit(input, async ({ session, segment: put }) => {
        const before = mustBe(await segments.find(input.appId, input.segmentKey, session), input);
        const { description = before.description, clauses = before.clauses } = input.change;
        const after = { ...before, description, clauses };
        mustBeSegment(after);
        return put('flag-segment.changed', before, after);
      }),

    /** @throws NOT_FOUND, PRECONDITION_FAILED, or CONFLICT while a rule of a flag names it. */
    remove: (input: SegmentTarget): Promise<void> =>
      commit(input, async ({ session, removeSegment }) => {
        const { appId, segmentKey } = input;
        const before = mustBe(await segments.find(appId, segmentKey, session), input);
        const named = await flags.namingSegment(session, appId, segmentKey);
        if (named.length > 0) {
          throw new PlatformError('CONFLICT', `the segment ${segmentKey} stands in rules of ${some(named)}`);
        }
        removeSegment(before);
      }),
  };
}

export type FlagSegmentChanges = ReturnType<typeof flagSegmentChanges>;

function mustBe(segment: SegmentDoc | undefined, { segmentKey, ifVersion }: SegmentTarget): SegmentDoc {
  if (segment === undefined) throw new PlatformError('NOT_FOUND', `no segment ${segmentKey} in this app`);
  mustBeVersion(segment.version, ifVersion);
  return segment;
}
