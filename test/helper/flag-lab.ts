import { isDeepStrictEqual } from 'node:util';
import { MockActivityEnvironment } from '@temporalio/testing';
import { ObjectId } from 'mongodb';
import { flagDriftActivities } from '../../activities/flag-drift.js';
import { flagSetDeps } from '../../activities/flag-set-deps.js';
import { flagSetActivities, type RangeResult } from '../../activities/flag-sets.js';
import { type FlagDoc, flagsSpec } from '../../db/flags.js';
import { type FlagSetDoc, flagSets, flagSetsSpec, reasonsOf, standingOf } from '../../db/flag-sets.js';
import { flagStates } from '../../db/flag-states.js';
import { profileIdOf } from '../../db/ids.js';
import { type ProfileDoc, profiles, type ProfileWrite } from '../../db/profiles.js';
import { applySchema } from '../../db/schema.js';
import type { FlagRule } from '../../domain/flag.js';
import { compileFlags } from '../../domain/flag-evaluation.js';
import { setOf, writtenSet } from '../../domain/flag-set.js';
import { testDatabase } from './database.js';

const NOW = new Date('2026-11-01T00:00:00Z');

export type FlagLab = Awaited<ReturnType<typeof flagLab>>;

export interface LabFlag {
  readonly key: string;
  readonly defaultValue?: unknown;
  readonly rules?: readonly Partial<FlagRule>[];
}

/** An app with profiles and flags in a database of its own, and all that keeps its sets. */
export async function flagLab(purpose: string) {
  const { client, db, close } = await testDatabase(purpose);
  await applySchema(db);
  const appId = new ObjectId();
  const woken: string[] = [];
  const deps = flagSetDeps({
    client,
    db,
    wakeFlagSets: (hex) => {
      woken.push(hex);
      return Promise.resolve();
    },
  });
  const states = flagStates(db);
  const stored = profiles(db);
  const sets = db.collection<FlagSetDoc>(flagSetsSpec.name);
  const own = db.collection<ProfileDoc>('profiles');
  const activities = { ...flagSetActivities(deps), ...flagDriftActivities(deps) };
  const hex = appId.toHexString();

  const write = async (...writes: ProfileWrite[]): Promise<void> => {
    await client.withSession((session) =>
      session.withTransaction(() => stored.write(writes, session), { readConcern: { level: 'snapshot' } }),
    );
  };
  const idOf = (externalId: string): ObjectId => profileIdOf(appId, externalId);

  /** The definitions are these from now on. */
  async function define(...flags: LabFlag[]): Promise<number> {
    const docs = flags.map((flag): FlagDoc => {
      const value = flag.defaultValue ?? false;
      return {
        _id: new ObjectId(),
        appId,
        key: flag.key,
        description: '',
        type: typeof value === 'boolean' ? 'boolean' : typeof value === 'string' ? 'string' : 'json',
        defaultValue: value,
        enabled: true,
        rules: (flag.rules ?? []).map((rule, index) => ({
          ruleId: `rule-${String(index)}`,
          priority: index,
          conditions: [],
          value: true,
          rolloutPercentage: 100,
          experimentId: null,
          ...rule,
        })),
        createdAt: NOW,
        updatedAt: NOW,
        createdBy: new ObjectId(),
      };
    });
    return client.withSession((session) =>
      session.withTransaction(async () => {
        const version = await states.next(session, appId, 'shop', NOW);
        await db.collection<FlagDoc>(flagsSpec.name).deleteMany({ appId }, { session });
        await db.collection<FlagDoc>(flagsSpec.name).insertMany(docs, { session });
        return version;
      }),
    );
  }

  return {
    ...deps,
    client,
    db,
    close,
    appId,
    /** Hex of the app. */
    hex,
    flagSets: flagSets(db),
    woken,
    activities,
    sets,
    idOf,
    define,
    write,

    /** So many profiles, as touches make them. */
    async people(count: number, name = 'user'): Promise<readonly string[]> {
      const ids = Array.from({ length: count }, (_, n) => `${name}-${String(n)}`);
      await own.insertMany(
        ids.map((externalId, n) => ({
          appId,
          profileId: idOf(externalId),
          externalId,
          attributes: { plan: n % 3 === 0 ? 'pro' : 'free', n },
          firstSeen: NOW,
          lastSeen: NOW,
        })),
      );
      return ids;
    },

    identify: (externalId: string, attributes: Record<string, unknown>, at = new Date()): Promise<void> =>
      write({ type: 'identify', appId, profileId: idOf(externalId), externalId, attributes, at }),

    alias: (from: string, to: string): Promise<void> =>
      write({ type: 'alias', appId, from: idOf(from), to: idOf(to), at: new Date() }),

    setOf: async (externalId: string): Promise<FlagSetDoc | undefined> =>
      (await sets.findOne({ appId, profileId: idOf(externalId) })) ?? undefined,

    /** As an answer does it that finds no right set: reads the set, then the profile, and evaluates. */
    async evaluate(externalId: string) {
      const profileId = idOf(externalId);
      const set = await sets.findOne({ appId, profileId });
      const definitions = await deps.flagDefinitions.read(appId);
      const profile = await own.findOne({ appId, profileId });
      const attributes = profile?.attributes ?? {};
      const fresh = setOf(compileFlags(definitions), { targetingKey: externalId, attributes });
      const profileRev = set === null ? undefined : (set.profileRev ?? 0);
      return {
        version: definitions.version,
        write: {
          profileId,
          profileRev,
          content: { kind: 'set', set: writtenSet(fresh) },
        },
      } as const;
    },

    range: (version: number, environment = new MockActivityEnvironment()): Promise<RangeResult> =>
      environment.run(activities.computeFlagRange, {
        appId: hex,
        version,
        after: null,
        upTo: null,
        now: NOW.toISOString(),
      }),

    /** A whole pass, as the workflow makes it of an app with few profiles. */
    async pass(version: number): Promise<RangeResult> {
      if (!(await activities.beginFlagPass({ appId: hex, version, now: NOW.toISOString() })))
        return { profiles: 0, rewritten: 0, superseded: true };
      const result = await this.range(version);
      if (!result.superseded) await activities.endFlagPass({ appId: hex, version, ...result, now: NOW.toISOString() });
      return result;
    },

    /** Of the sets that count as right at this moment, those that are not what an evaluation gives; and how many count. */
    async judge() {
      const definitions = await deps.flagDefinitions.read(appId);
      const state = await deps.flagStates.find(appId);
      const compiled = compileFlags(definitions);
      const people = new Map((await own.find({ appId }).toArray()).map((each) => [each.profileId.toHexString(), each]));
      const wrong: string[] = [];
      let right = 0;
      for await (const set of sets.find({ appId })) {
        if (state === undefined || standingOf(set, state) !== 'right') continue;
        right += 1;
        const profile = people.get(set.profileId.toHexString());
        const { externalId: targetingKey = '', attributes = {} } = profile ?? {};
        const { flags, digest } = set;
        if (
          !isDeepStrictEqual({ flags, reasons: reasonsOf(set), digest }, setOf(compiled, { targetingKey, attributes }))
        )
          wrong.push(targetingKey);
      }
      return { right, wrong };
    },
  };
}
