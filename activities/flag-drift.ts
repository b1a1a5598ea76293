import { isDeepStrictEqual } from 'node:util';
import { cancellationSignal, heartbeat, log } from '@temporalio/activity';
import type { FlagDefinitions } from '../db/flag-definitions.js';
import type { FlagProfiles, WalkedProfile } from '../db/flag-profiles.js';
import { type FlagSetDoc, type FlagSets, reasonsOf, standingOf } from '../db/flag-sets.js';
import type { FlagSetWrites, SetWrite } from '../db/flag-set-writes.js';
import type { FlagStates, FlagVersion } from '../db/flag-states.js';
import { compileFlags } from '../domain/flag-evaluation.js';
import { setOf, writtenSet } from '../domain/flag-set.js';

export interface DriftInput {
  /** ISO 8601, taken in the workflow. */
  readonly now: string;
}

export interface FlagDrift {
  readonly apps: number;
  /** Sets that counted as right and were evaluated anew. */
  readonly looked: number;
  /** Those of them that were wrong, which none should ever be. They are right now. */
  readonly repaired: number;
}

export interface DriftDeps {
  readonly flagStates: Pick<FlagStates, 'versions'>;
  readonly flagDefinitions: Pick<FlagDefinitions, 'read'>;
  readonly flagProfiles: Pick<FlagProfiles, 'sample'>;
  readonly flagSets: Pick<FlagSets, 'findMany'>;
  readonly flagSetWrites: Pick<FlagSetWrites, 'back'>;
}

/** Of an app and day. */
const SAMPLE = 500;

export function flagDriftActivities({ flagStates, flagDefinitions, flagProfiles, flagSets, flagSetWrites }: DriftDeps) {
  async function look(state: FlagVersion, at: Date): Promise<Omit<FlagDrift, 'apps'>> {
    const { _id: appId, version } = state;
    const definitions = await flagDefinitions.read(appId);
    // Somebody changes them just now: another day.
    if (definitions.version !== version) return { looked: 0, repaired: 0 };
    const { profiles } = await flagProfiles.sample(appId, SAMPLE);
    const found = await flagSets.findMany(
      appId,
      profiles.map(({ profileId }) => profileId),
    );
    const stored = new Map(found.map((set) => [set.profileId.toHexString(), set]));
    const compiled = compileFlags(definitions);

    let looked = 0;
    const writes: SetWrite[] = [];
    for (const profile of profiles) {
      const set = stored.get(profile.profileId.toHexString());
      if (!isSettled(profile, set) || standingOf(set, state) !== 'right') continue;
      looked += 1;
      const fresh = setOf(compiled, { targetingKey: profile.externalId, attributes: profile.attributes });
      const { flags, digest } = set;
      if (isDeepStrictEqual({ flags, reasons: reasonsOf(set), digest }, fresh)) continue;
      const { profileId, profileRev = 0 } = set;
      writes.push({
        profileId,
        profileRev,
        content: { kind: 'set', set: writtenSet(fresh) },
      });
    }
    if (writes.length === 0) return { looked, repaired: 0 };
    const profileIds = writes.map(({ profileId }) => profileId.toHexString());
    log.error('stored flag sets were wrong', { appId: appId.toHexString(), version, profileIds });
    const repaired = (await flagSetWrites.back({ appId, version, at, writes })) ?? 0;
    return { looked, repaired };
  }

  return {
    /** Evaluates some sets of each app that count as right, and repairs and reports what differs. Idempotent. */
    async checkFlagDrift({ now }: DriftInput): Promise<FlagDrift> {
      const signal = cancellationSignal();
      const states = await flagStates.versions();
      const sum = { apps: states.length, looked: 0, repaired: 0 };
      for (const state of states) {
        signal.throwIfAborted();
        heartbeat(sum);
        const { looked, repaired } = await look(state, new Date(now));
        sum.looked += looked;
        sum.repaired += repaired;
      }
      return sum;
    },
  };
}

/** Both were read, and nobody has changed the profile in between. */
function isSettled({ set: before, aliasOf }: WalkedProfile, set: FlagSetDoc | undefined): set is FlagSetDoc {
  return set !== undefined && aliasOf === undefined && (before?.profileRev ?? 0) === (set.profileRev ?? 0);
}

export type FlagDriftActivities = ReturnType<typeof flagDriftActivities>;
