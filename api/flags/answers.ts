import type { ObjectId } from 'mongodb';
import type { App } from '../../db/apps.js';
import type { FlagSetReads, ReadProfile, ReadSet } from '../../db/flag-set-reads.js';
import { reasonsOf, standingOf } from '../../db/flag-sets.js';
import type { FlagContext } from '../../domain/flag.js';
import type { CompiledFlags } from '../../domain/flag-evaluation.js';
import { type FlagSet, setOf } from '../../domain/flag-set.js';
import type { Json } from '../../domain/loose.js';
import type { People } from '../ingest/people.js';
import { batchedReads } from './batched-reads.js';
import type { Current, FlagFollower } from './follower.js';
import type { WriteBack } from './write-back.js';

export interface Asked {
  readonly app: App;
  /** As the client names it; undefined where it names nobody. */
  readonly externalId: string | undefined;
  /** Attributes, which outweigh the stored ones. */
  readonly given: Json;
  /** Whether the profile's own attributes may be told by what is answered. */
  readonly trusted: boolean;
  /** The highest version that the asker has seen. */
  readonly atLeast: number;
}

/** Every flag for who asked. */
export interface Answer {
  readonly version: number;
  /** Of this version, but for the rare set that a newer process has stored: then older. */
  readonly compiled: CompiledFlags;
  readonly set: FlagSet;
  readonly computedAt: Date | undefined;
  /** The profile that is meant, after alias; undefined where nobody is. */
  readonly profileId: ObjectId | undefined;
  /** As who asked names it. */
  readonly targetingKey: string | undefined;
  /** What is stored of the profile, where it was looked at. */
  readonly profile: ReadProfile | undefined;
  /** What it was evaluated for; undefined where it comes from the store. */
  readonly context: FlagContext | undefined;
}

interface Deps {
  readonly follower: Pick<FlagFollower, 'current'>;
  readonly reads: FlagSetReads;
  readonly people: Pick<People, 'find'>;
  readonly writeBack: WriteBack;
}

/** What a look-up by id leads to. */
interface Found {
  readonly profileId: ObjectId;
  readonly set: ReadSet | undefined;
}

const MOST_ALIASES = 5;
const NOTHING: Json = {};

/**
 * What the flags are for somebody, at one version: the stored set where it is right, else evaluated here and now and
 * handed over to be stored. Never of two versions, and the same in every process at one version.
 */
export function flagAnswers({ follower, reads, people, writeBack }: Deps) {
  const setOfProfile = batchedReads<ReadSet>(reads.sets);
  const profileOf = batchedReads<ReadProfile>(reads.profiles);

  /** The set that stands for this id. In a circle of aliases it ends where it began to repeat itself. */
  async function follow(appId: ObjectId, asked: ObjectId): Promise<Found> {
    let profileId = asked;
    let set = await setOfProfile({ appId, profileId });
    if (set?.aliasOf === undefined) return { profileId, set };
    const passed = new Set([profileId.toHexString()]);
    while (set?.aliasOf !== undefined && passed.size <= MOST_ALIASES && !passed.has(set.aliasOf.toHexString())) {
      profileId = set.aliasOf;
      passed.add(profileId.toHexString());
      set = await setOfProfile({ appId, profileId });
    }
    return { profileId, set };
  }

  function evaluated({ compiled }: Current, targetingKey: string | undefined, attributes: Json): Answer {
    const context: FlagContext = { targetingKey, attributes };
    const set = setOf(compiled, context);
    const nobody = { computedAt: undefined, profileId: undefined, profile: undefined };
    return { version: compiled.version, compiled, set, ...nobody, targetingKey, context };
  }

  /** Its set was read before, so that who stores the result can tell whether the profile has changed since. */
  async function evaluatedFor(now: Current, { app, given }: Asked, found: Found, id: string): Promise<Answer> {
    const { profileId, set } = found;
    const profile = await profileOf({ appId: app.id, profileId });
    const own = profile?.attributes ?? NOTHING;
    const answer = evaluated(now, profile?.externalId ?? id, given === NOTHING ? own : { ...own, ...given });
    // What is an alias, also one of a circle, has no set of its own.
    const isStorable = profile !== undefined && given === NOTHING && set?.aliasOf === undefined;
    // A pass that is at it writes this one too: both would only be in each other's way.
    if (isStorable && !isPassing(now)) {
      const profileRev = set === undefined ? undefined : (set.profileRev ?? 0);
      writeBack({ appId: app.id, profileId, version: answer.version, profileRev, set: answer.set });
    }
    return { ...answer, profileId, targetingKey: id, profile };
  }

  const stored = ({ compiled }: Current, set: ReadSet, targetingKey: string): Answer => ({
    version: Math.max(compiled.version, set.v ?? 0),
    compiled,
    set: { flags: set.flags, reasons: reasonsOf(set), digest: set.digest ?? '' },
    computedAt: set.computedAt,
    profileId: set.profileId,
    targetingKey,
    profile: undefined,
    context: undefined,
  });

  return {
    /** @throws PlatformError UNAVAILABLE */
    async of(question: Asked): Promise<Answer> {
      const { app, externalId, trusted, atLeast } = question;
      const isGiven = Object.keys(question.given).length > 0;
      const asked = isGiven ? question : { ...question, given: NOTHING };
      const now = follower.current(app.id, atLeast);
      let current = now instanceof Promise ? await now : now;
      if (externalId === undefined || !trusted) return evaluated(current, externalId, asked.given);

      const found = await follow(app.id, people.find(app.id, app.id.toHexString(), externalId).profileId);
      const { set } = found;
      // Another process knows newer definitions: so must this one, or the answers would go back and forth.
      if (set?.v !== undefined && set.v > current.compiled.version) current = await follower.current(app.id, set.v);
      if (isGiven || set === undefined) return evaluatedFor(current, asked, found, externalId);
      const { version } = current.compiled;
      return standingOf(set, { version, computed: current.computed }) === 'stale'
        ? evaluatedFor(current, asked, found, externalId)
        : stored(current, set, externalId);
    },
  };
}

export type FlagAnswers = ReturnType<typeof flagAnswers>;

const isPassing = ({ compiled: { version }, computed, passing }: Current): boolean =>
  passing >= version && computed < version;
