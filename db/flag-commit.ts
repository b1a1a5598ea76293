import { setImmediate } from 'node:timers/promises';
import { BSON, type ClientSession, type ObjectId } from 'mongodb';
import type { Actor, Audited, AuditEntry } from './audit.js';
import { flagFacts, sameFlag, sameSegment, segmentFacts } from './flag-content.js';
import { type FlagRevisions, type FlagStep, revisionsOf } from './flag-revisions.js';
import type { FlagStates } from './flag-states.js';
import type { FlagDoc, Flags } from './flags.js';
import type { SegmentDoc, Segments } from './segments.js';
import { DEFINITIONS_AT_ONCE, slices } from './slices.js';

interface Deps {
  readonly audited: Audited;
  readonly flagStates: Pick<FlagStates, 'next' | 'grow'>;
  readonly flags: Pick<Flags, 'put'>;
  readonly segments: Pick<Segments, 'put' | 'remove'>;
  readonly flagRevisions: Pick<FlagRevisions, 'append'>;
  /** After a change is stored: tells who keeps the sets. */
  readonly onChanged?: ((appId: ObjectId, app: string) => void) | undefined;
}

/** Who changes what of which app, and why. */
export interface ChangedBy {
  readonly actor: Actor;
  readonly appId: ObjectId;
  /** The app's slug. */
  readonly app: string;
  readonly note?: string | undefined;
}

/** A change while it is made. What is given to it is stored at its end, all with one version of the app. */
export interface Making {
  readonly session: ClientSession;
  readonly at: Date;
  /** The app's, which this change makes. */
  readonly appVersion: number;
  /** With its next version, unless nothing is different. */
  flag(action: string, before: FlagDoc | undefined, after: FlagDoc): FlagDoc;
  segment(action: string, before: SegmentDoc | undefined, after: SegmentDoc): SegmentDoc;
  removeSegment(before: SegmentDoc): void;
}

interface SegmentStep {
  readonly action: string;
  readonly before: SegmentDoc | undefined;
  readonly after: SegmentDoc;
}

/**
 * The one way in which flags and segments change: version of the app, what is changed, revisions and audit entries in
 * one transaction. The version comes first, so that changes of one app take turns there.
 */
export function flagCommit({ audited, flagStates, flags, segments, flagRevisions, onChanged }: Deps) {
  return async <T>(by: ChangedBy, change: (making: Making) => Promise<T>): Promise<T> => {
    const { appId, app } = by;
    const outcome = { isChanged: false };
    const result = await audited(async (session) => {
      const at = new Date();
      const appVersion = await flagStates.next(session, appId, app, at);
      const flagSteps: FlagStep[] = [];
      const segmentSteps: SegmentStep[] = [];
      const removed: SegmentDoc[] = [];
      const result = await change({
        session,
        at,
        appVersion,
        flag(action, before, given) {
          if (before !== undefined && sameFlag(before, given)) return before;
          const version = before === undefined ? 1 : (before.version ?? 1) + 1;
          const after = { ...given, version, updatedAt: at };
          flagSteps.push({ action, before, after });
          return after;
        },
        segment(action, before, given) {
          if (before !== undefined && sameSegment(before, given)) return before;
          const after = { ...given, version: (before?.version ?? 0) + 1, updatedAt: at };
          segmentSteps.push({ action, before, after });
          return after;
        },
        removeSegment(before) {
          removed.push(before);
        },
      });
      outcome.isChanged = flagSteps.length + segmentSteps.length + removed.length > 0;
      if (!outcome.isChanged) {
        await session.abortTransaction();
        return { result };
      }
      const steps = [...flagSteps, ...segmentSteps, ...removed.map((before) => ({ before, after: undefined }))];
      let grown = 0;
      for (const some of slices(steps, DEFINITIONS_AT_ONCE)) {
        for (const { before, after } of some) grown += bytesOf(after) - bytesOf(before);
        await setImmediate();
      }
      if (grown !== 0) await flagStates.grow(session, appId, grown);
      await flags.put(
        session,
        flagSteps.map(({ after }) => after),
      );
      await segments.put(
        session,
        segmentSteps.map(({ after }) => after),
      );
      for (const { _id } of removed) await segments.remove(session, _id);
      await flagRevisions.append(
        session,
        flagSteps.flatMap((step) => revisionsOf(step, by, appVersion)),
      );
      const entries = [
        ...flagSteps.map(({ action, before, after }) =>
          entry(by, action, { kind: 'flag', id: after._id }, before && flagFacts(before), {
            ...flagFacts(after),
            appVersion,
          }),
        ),
        ...segmentSteps.map(({ action, before, after }) =>
          entry(by, action, { kind: 'flag-segment', id: after._id }, before && segmentFacts(before), {
            ...segmentFacts(after),
            appVersion,
          }),
        ),
        ...removed.map((before) => {
          const target = { kind: 'flag-segment', id: before._id };
          return entry(by, 'flag-segment.removed', target, segmentFacts(before), undefined);
        }),
      ];
      return { result, entries };
    });
    if (outcome.isChanged) onChanged?.(appId, app);
    return result;
  };
}

/** What is archived is in nobody's memory. */
function bytesOf(doc: FlagDoc | SegmentDoc | undefined): number {
  const isServed = doc !== undefined && !('archivedAt' in doc && doc.archivedAt != null);
  return isServed ? BSON.calculateObjectSize(doc) : 0;
}

export type FlagCommit = ReturnType<typeof flagCommit>;

function entry(
  { appId, actor, note }: ChangedBy,
  action: string,
  target: AuditEntry['target'],
  before: Readonly<Record<string, unknown>> | undefined,
  after: Readonly<Record<string, unknown>> | undefined,
): AuditEntry {
  const facts = { before: before ?? null, after: after ?? null };
  return { appId, actor, action, target, ...facts, ...(note === undefined ? {} : { note }) };
}
