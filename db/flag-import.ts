import { setImmediate } from 'node:timers/promises';
import type { ClientSession, ObjectId } from 'mongodb';
import { PlatformError } from '../domain/errors.js';
import type { FlagFault } from '../domain/flag-check.js';
import { FLAG_LIMITS } from '../domain/flag-limits.js';
import { newFlagDoc, ofDoc } from './flag-changes.js';
import type { ChangedBy, FlagCommit } from './flag-commit.js';
import { faultsOf, type NewFlag, othersOf } from './flag-content.js';
import { mustBeVersion, mustHaveNone } from './flag-refusals.js';
import { mustBeFew, mustBeSegment, newSegmentDoc, type NewSegment } from './flag-segment-changes.js';
import type { Flags } from './flags.js';
import type { SegmentDoc, Segments } from './segments.js';

interface Deps {
  readonly commit: FlagCommit;
  readonly flags: Flags;
  readonly segments: Segments;
}

/** Who owns a flag is another person elsewhere, so it stays as it is. */
export type ImportedFlag = Omit<NewFlag, 'owner'>;

export interface FlagImport extends ChangedBy {
  readonly flags: readonly ImportedFlag[];
  readonly segments: readonly NewSegment[];
  /** The app's version that this is a change of; with any other it is refused. */
  readonly ifVersion?: number | undefined;
}

export interface ImportReport {
  /** The app's, now. */
  readonly version: number;
  readonly created: number;
  readonly changed: number;
  readonly unchanged: number;
}

/** So many are checked before others get their turn. */
const AT_ONCE = 5;

/**
 * Brings flags and segments to what is given, all of them or none, as one version of the app. What is not named stays
 * as it is; an archived flag that is named comes back; a kill switch that is on stays on.
 */
export function flagImport({ commit, flags, segments }: Deps) {
  /** @throws REQUEST_INVALID, CONFLICT, PRECONDITION_FAILED */
  return (input: FlagImport): Promise<ImportReport> =>
    commit(input, async (making) => {
      const { session, at, appVersion } = making;
      const { appId } = input;
      mustBeVersion(appVersion - 1, input.ifVersion);
      mustBeOnce('flag', input.flags);
      mustBeOnce('segment', input.segments);

      const segmentKeys = new Set(await segments.keys(session, appId));
      const known = await byKey(segments.findMany(session, appId, keysOf(input.segments)));
      const segmentSteps: { readonly before: SegmentDoc | undefined; readonly after: SegmentDoc }[] = [];
      for (const [n, given] of input.segments.entries()) {
        if (n % AT_ONCE === 0) await setImmediate();
        const before = known.get(given.key);
        segmentKeys.add(given.key);
        within(`segment ${given.key}`, () => {
          mustBeSegment(given);
        });
        const after = before === undefined ? newSegmentDoc(given, input, at) : { ...before, ...given };
        segmentSteps.push({ before, after });
      }
      mustBeFew(segmentKeys.size);

      const flagSteps = await stepsOf(input, session, at);
      const links = new Map((await flags.links(session, appId)).map((link) => [link.key, link]));
      for (const { after } of flagSteps) links.set(after.key, after);
      if (links.size > FLAG_LIMITS.flags) {
        throw new PlatformError('CONFLICT', `an app has at most ${String(FLAG_LIMITS.flags)} flags`);
      }
      const others = othersOf([...links.values()], [...segmentKeys]);
      const faults: FlagFault[] = [];
      for (const [n, { after }] of flagSteps.entries()) {
        if (n % AT_ONCE === 0) await setImmediate();
        const own = faultsOf(ofDoc(after), others);
        faults.push(...own.map(({ path, why }) => ({ path: `flag ${after.key} ${path}`, why })));
      }
      mustHaveNone(faults);

      const outcomes: (readonly [before: object | undefined, after: object])[] = segmentSteps.map(
        ({ before, after }) => [before, making.segment('flag-segment.imported', before, after)],
      );
      for (const [n, { before, after }] of flagSteps.entries()) {
        if (n % AT_ONCE === 0) await setImmediate();
        outcomes.push([before, making.flag('flag.imported', before, after)]);
      }
      const created = outcomes.filter(([before]) => before === undefined).length;
      const unchanged = outcomes.filter(([before, after]) => before === after).length;
      const changed = outcomes.length - created - unchanged;
      return { version: unchanged === outcomes.length ? appVersion - 1 : appVersion, created, changed, unchanged };
    });

  async function stepsOf(input: FlagImport, session: ClientSession, at: Date) {
    const known = await byKey(flags.findMany(session, input.appId, keysOf(input.flags)));
    return input.flags.map((given) => {
      const before = known.get(given.key);
      if (before === undefined) return { before, after: newFlagDoc({ ...given, owner: null }, input, at) };
      if (before.type !== given.type) {
        throw new PlatformError('CONFLICT', `the flag ${given.key} is of type ${before.type}, which does not change`);
      }
      return { before, after: { ...before, ...given, owner: before.owner ?? null, archivedAt: null } };
    });
  }
}

export type ImportFlags = ReturnType<typeof flagImport>;

const keysOf = (things: readonly { readonly key: string }[]): readonly string[] => things.map(({ key }) => key);

async function byKey<T extends { readonly key: string; readonly appId: ObjectId }>(
  found: Promise<readonly T[]>,
): Promise<ReadonlyMap<string, T>> {
  return new Map((await found).map((thing) => [thing.key, thing]));
}

function mustBeOnce(what: string, things: readonly { readonly key: string }[]): void {
  const seen = new Set<string>();
  for (const { key } of things) {
    if (seen.has(key)) throw new PlatformError('REQUEST_INVALID', `the ${what} ${key} is there twice`);
    seen.add(key);
  }
}

/** Names the thing in what is refused of it. */
function within(what: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (error instanceof PlatformError) throw new PlatformError(error.code, `${what} ${error.message}`);
    throw error;
  }
}
