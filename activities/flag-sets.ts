import { activityInfo, cancellationSignal, heartbeat } from '@temporalio/activity';
import type { FlagDefinitions } from '../db/flag-definitions.js';
import type { FlagPasses, PassFigures } from '../db/flag-passes.js';
import { BEFORE_ALL, type FlagProfiles } from '../db/flag-profiles.js';
import type { FlagSetFences } from '../db/flag-set-fences.js';
import type { FlagSetWrites } from '../db/flag-set-writes.js';
import type { FlagStates } from '../db/flag-states.js';
import { idFromHex } from '../db/ids.js';
import { guarded } from '../domain/guarded.js';
import { compiledFlags } from './compiled-flags.js';
import { changedSets, chunkSize } from './flag-set-chunk.js';
import { wakeAll } from './wake-each.js';

/** Where the sets of an app stand. */
export interface FlagSetsState {
  /** The slug. */
  readonly app: string;
  readonly version: number;
  readonly computed: number;
}

/** A pass of one app at one version; the app by the hex of its id. */
export interface PassInput {
  readonly appId: string;
  readonly version: number;
}

/** Profiles after one id, up to and with another; null: from the first, or to the last. */
export interface RangeInput extends PassInput {
  readonly after: string | null;
  readonly upTo: string | null;
  /** ISO 8601, taken in the workflow. */
  readonly now: string;
}

export interface PlanInput extends PassInput, PassFigures {
  readonly after: string | null;
  readonly size: number;
  readonly many: number;
}

export interface RangeResult extends PassFigures {
  /** There are newer definitions: what is left of the range is not worth doing. */
  readonly superseded: boolean;
}

export interface FlagSetDeps {
  readonly flagStates: Pick<FlagStates, 'find'>;
  readonly flagPasses: FlagPasses;
  readonly flagDefinitions: Pick<FlagDefinitions, 'read'>;
  readonly flagProfiles: Pick<FlagProfiles, 'ends' | 'walk'>;
  readonly flagSetFences: Pick<FlagSetFences, 'raise'>;
  readonly flagSetWrites: Pick<FlagSetWrites, 'pass'>;
  /** Begins or signals the app's workflow. */
  readonly wakeFlagSets: (appId: string, app: string) => Promise<void>;
}

const MOST_WOKEN = 500;
const BEAT_MS = 2_000;

/** Bringing the sets of an app to a version: the rules and the races behind them are in docs/adr/0014. */
export function flagSetActivities(deps: FlagSetDeps) {
  const { flagStates, flagPasses, flagDefinitions, flagProfiles, flagSetFences, flagSetWrites, wakeFlagSets } = deps;
  const definitionsOf = compiledFlags(flagDefinitions);

  return {
    /** Null where an app never had a flag. */
    async readFlagState({ appId }: Pick<PassInput, 'appId'>): Promise<FlagSetsState | null> {
      const state = await flagStates.find(idFromHex(appId));
      if (state === undefined) return null;
      const { app, version, computed } = state;
      return { app, version, computed };
    },

    /** Idempotent. False: a newer pass has begun. */
    async beginFlagPass({ appId, version, now }: PassInput & { readonly now: string }): Promise<boolean> {
      const id = idFromHex(appId);
      if (!(await flagSetFences.raise(id, version))) return false;
      await flagPasses.begun(id, version, new Date(now));
      return true;
    },

    /** The ends of the next ranges; fewer than asked for: one more range goes to the last profile. */
    async planFlagRanges({ appId, version, after, size, many, ...figures }: PlanInput): Promise<readonly string[]> {
      const id = idFromHex(appId);
      await flagPasses.reached(id, version, figures);
      const ends = await flagProfiles.ends(id, after === null ? BEFORE_ALL : idFromHex(after), size, many);
      return ends.map((end) => end.toHexString());
    },

    /**
     * Brings the sets of a range to a version and writes only those that change. Idempotent: a retry goes on behind
     * what the last heartbeat says, and finds what was written after it unchanged.
     */
    async computeFlagRange({ appId, version, after, upTo, now }: RangeInput): Promise<RangeResult> {
      const id = idFromHex(appId);
      const at = new Date(now);
      const app = await definitionsOf(id, version);
      const signal = cancellationSignal();
      const begin = earlierAttempt() ?? { next: after, profiles: 0, rewritten: 0 };
      let { profiles, rewritten } = begin;
      let next = begin.next === null ? BEFORE_ALL : idFromHex(begin.next);
      const beat = (): void => heartbeat({ next: next.toHexString(), profiles, rewritten } satisfies Reached);

      // By the clock too: a write may have to wait for one of a worker that died.
      // One that fails here fails below too, where it is the activity's own.
      const beating = setInterval(
        guarded(beat, () => undefined),
        BEAT_MS,
      );
      try {
        for (;;) {
          signal.throwIfAborted();
          if (app.compiled.version !== version) return { profiles, rewritten, superseded: true };
          const range = { appId: id, after: next, upTo: upTo === null ? undefined : idFromHex(upTo) };
          const chunk = await flagProfiles.walk(range, chunkSize(app));
          const writes = await changedSets(app, chunk.profiles);
          const written = writes.length === 0 ? 0 : await flagSetWrites.pass({ appId: id, version, at, writes });
          if (written === undefined) return { profiles, rewritten, superseded: true };
          profiles += chunk.profiles.length;
          rewritten += written;
          if (chunk.next === undefined) return { profiles, rewritten, superseded: false };
          next = chunk.next;
          beat();
        }
      } finally {
        clearInterval(beating);
      }
    },

    /** All ranges are done. Idempotent. */
    async endFlagPass({
      appId,
      version,
      now,
      ...figures
    }: PassInput & PassFigures & { readonly now: string }): Promise<void> {
      await flagPasses.ended(idFromHex(appId), version, figures, new Date(now));
    },

    /** For changes whose signal was lost: how many apps have sets that are not at their version. */
    async wakeFlagSetsBehind(): Promise<number> {
      const behind = await flagPasses.behind(MOST_WOKEN);
      await wakeAll(behind, ({ _id, app }) => wakeFlagSets(_id.toHexString(), app));
      return behind.length;
    },
  };
}

export type FlagSetActivities = ReturnType<typeof flagSetActivities>;

interface Reached extends PassFigures {
  readonly next: string | null;
}

function earlierAttempt(): Reached | undefined {
  const details = activityInfo().heartbeatDetails as Reached | undefined;
  return details;
}
