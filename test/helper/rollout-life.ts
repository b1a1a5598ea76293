import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type Collection, type Db, type MongoClient, ObjectId } from 'mongodb';
import { flagRolloutDeps } from '../../activities/flag-rollout-deps.js';
import type { AlertDoc } from '../../db/alerts.js';
import { apps } from '../../db/apps.js';
import type { AuditDoc } from '../../db/audit.js';
import type { FlagRolloutDoc, RolloutLookDoc } from '../../db/flag-rollouts.js';
import type { RolloutOutcome } from '../../db/flag-rollout-state.js';
import { flagRevisions } from '../../db/flag-revisions.js';
import type { FlagDoc } from '../../db/flags.js';
import { members } from '../../db/members.js';
import { type RolloutProfileDoc, rolloutProfiles } from '../../db/rollout-profiles.js';
import { applySchema } from '../../db/schema.js';
import { DEFAULT_APP_CONFIG } from '../../domain/app.js';
import type { FlagRule } from '../../domain/flag.js';
import { DEFAULT_GUARD } from '../../domain/guard.js';
import type { Role } from '../../domain/member.js';
import type { OpenMessage, RolloutPlan, RolloutRequest, RolloutVerb } from '../../domain/rollout.js';
import type { RolloutView } from '../../domain/rollout-view.js';
import { testDatabase } from './database.js';
import { flagStore, newFlag, newRule } from './flags.js';

export type RolloutLife = Awaited<ReturnType<typeof rolloutLife>>;

/** 1, 5, 25 and 100 %, an hour each. */
export const PLAN: RolloutPlan = {
  steps: [1, 5, 25, 100].map((percent) => ({ percent, holdMinutes: 60 })),
  guard: { ...DEFAULT_GUARD, minProfiles: 20 },
};

interface How {
  readonly by?: ObjectId;
  readonly requestId?: string;
  readonly now?: Date;
}

/** An app with members and flags, and all that people and time do to its rollouts. */
export async function rolloutLife(purpose: string) {
  const database = await testDatabase(purpose);
  await applySchema(database.db);
  return { ...database, ...(await rolloutWorld(database)) };
}

/** The same over a database that is there. */
export async function rolloutWorld({
  client,
  db,
  appId: given,
}: {
  readonly client: MongoClient;
  readonly db: Db;
  /** Of `shop`, where it is registered already. */
  readonly appId?: ObjectId;
}) {
  const told: string[] = [];
  const woken: string[] = [];
  const deps = flagRolloutDeps({
    client,
    db,
    onAlerts: () => told.push('alerts'),
    wakeFlagSets: async (_appId, app) => void told.push(app),
    wakeRollout: async (rolloutId) => void woken.push(rolloutId),
  });
  const store = flagStore(client, db);
  const people = members(db);
  const profiles = rolloutProfiles(db);
  const rollouts: Collection<FlagRolloutDoc> = db.collection('flag_rollouts');
  const flags: Collection<FlagDoc> = db.collection('feature_flags');
  let count = 0;

  async function newApp(slug: string, approval = false): Promise<ObjectId> {
    const _id = new ObjectId();
    await client.withSession((session) =>
      apps(db).insert(session, {
        _id,
        appId: slug,
        name: slug,
        ownerProfileId: new ObjectId(),
        apiKey: slug,
        apiKeyPrefix: 'none',
        config: { ...DEFAULT_APP_CONFIG, flags: { ...DEFAULT_APP_CONFIG.flags, approval } },
        createdAt: new Date(),
        dsnId: (count += 1),
        identity: { version: 1, previousUntil: null },
        membersRev: 0,
      }),
    );
    return _id;
  }
  const appId = given ?? (await newApp('shop'));

  async function person(role: Role | undefined, app = appId): Promise<ObjectId> {
    const _id = new ObjectId();
    const roles = role === undefined ? [] : [{ appId: app, role }];
    const doc = { _id, name: 'Somebody', email: null, owner: false, roles, createdAt: new Date(), revokedAt: null };
    await client.withSession((session) => people.insert(session, doc));
    return _id;
  }
  const actor = await person('developer');
  const editor = (app: ObjectId) => ({
    actor: { kind: 'member' as const, id: actor, name: 'Somebody' },
    appId: app,
    app: 'shop',
  });

  const messageOf = (request: RolloutRequest, { by = actor, requestId = randomUUID() }: How = {}): OpenMessage => ({
    actor: by.toHexString(),
    requestId,
    request,
  });

  const requestOf = (flagKey: string, more: Partial<RolloutRequest> = {}): RolloutRequest => ({
    appId: appId.toHexString(),
    flagKey,
    ruleId: 'all',
    plan: PLAN,
    startAtMs: null,
    note: null,
    ...more,
  });

  async function find(_id: ObjectId): Promise<FlagRolloutDoc> {
    const found = await rollouts.findOne({ _id });
    assert.ok(found, 'no such rollout');
    return found;
  }

  const verb = (
    rolloutId: ObjectId,
    what: RolloutVerb,
    { by = actor, requestId = randomUUID(), now = new Date() }: How = {},
  ): Promise<RolloutOutcome> =>
    deps.flagRolloutVerbs.apply({ rolloutId, now, message: { actor: by.toHexString(), requestId, verb: what } });

  return {
    ...deps,
    told,
    woken,
    store,
    rollouts,
    flags,
    rows: db.collection<RolloutProfileDoc>('rollout_profiles'),
    alerts: db.collection<AlertDoc>('alerts'),
    audit: db.collection<AuditDoc>('audit_log'),
    revisions: flagRevisions(db),
    profiles,
    appId,
    actor,
    newApp,
    person,
    messageOf,
    requestOf,
    find,
    verb,

    /** A flag with one rule for everybody, and its key. */
    async newFlag(rule: Partial<FlagRule> = {}, app = appId): Promise<string> {
      const key = `flag-${String((count += 1))}`;
      const rules = [newRule('all', { rolloutPercentage: 0, ...rule })];
      await store.flagChanges.create({ ...editor(app), flag: newFlag(key, { rules }) });
      return key;
    },

    /** What somebody else does to a flag meanwhile. */
    edit: (flagKey: string, change: { description?: string; rules?: readonly FlagRule[] }) =>
      store.flagChanges.change({ ...editor(appId), flagKey, change }),
    kill: (flagKey: string) => store.flagChanges.kill({ ...editor(appId), flagKey }),
    archive: (flagKey: string) => store.flagChanges.archive({ ...editor(appId), flagKey }),

    percentageOf: async (key: string, app = appId): Promise<number | undefined> =>
      (await flags.findOne({ appId: app, key }))?.rules[0]?.rolloutPercentage,

    /** One that is stored. */
    async open(flagKey: string, more: Partial<RolloutRequest> = {}, how: How = {}): Promise<RolloutView> {
      const message = messageOf(requestOf(flagKey, more), how);
      const outcome = await deps.flagRolloutVerbs.open({
        rolloutId: new ObjectId(),
        now: how.now ?? new Date(),
        message,
      });
      assert.equal(outcome.outcome, 'done', JSON.stringify(outcome));
      return outcome.rollout;
    },

    async goOn({ rolloutId, rev }: Pick<RolloutView, 'rolloutId' | 'rev'>, now = new Date()): Promise<RolloutView> {
      const view = await deps.flagRolloutSteps.goOn({ rolloutId: new ObjectId(rolloutId), now, rev });
      assert.ok(view);
      return view;
    },

    /** A rollout that is stored, and whose first step is on. */
    async started(rule: Partial<FlagRule> = {}): Promise<RolloutView> {
      return this.goOn(await this.open(await this.newFlag(rule)));
    },

    /** Lets it have seen this in its newest window. */
    async look(view: RolloutView, more: Partial<RolloutLookDoc> = {}): Promise<RolloutView> {
      const seen = { at: new Date(), metrics: [], harm: null, hold: null, detail: null };
      const look = { ...seen, window: view.windows.length - 1, percent: view.percentage, ...more };
      const after = await deps.flagRolloutSteps.noteLook(new ObjectId(view.rolloutId), look);
      assert.ok(after);
      return after;
    },

    async done(rolloutId: string, what: RolloutVerb, how: How = {}): Promise<RolloutView> {
      const outcome = await verb(new ObjectId(rolloutId), what, how);
      assert.equal(outcome.outcome, 'done', JSON.stringify(outcome));
      return outcome.rollout;
    },

    async refused(rolloutId: string, what: RolloutVerb, how: How = {}) {
      const outcome = await verb(new ObjectId(rolloutId), what, how);
      assert.equal(outcome.outcome, 'refused', JSON.stringify(outcome));
      return outcome;
    },

    /** Profiles that were served in the newest window: so many in each bucket, of which so many met a metric. */
    async people(
      { rolloutId }: Pick<RolloutView, 'rolloutId'>,
      each: (bucket: number) => { profiles: number; hit?: number; metric?: number },
      at = new Date(),
    ): Promise<void> {
      const id = new ObjectId(rolloutId);
      const window = (await find(id)).windows.length - 1;
      const served: Parameters<typeof profiles.serve>[0][number][] = [];
      const hits: Parameters<typeof profiles.mark>[0][number][] = [];
      for (let bucket = 1; bucket <= 100; bucket++) {
        const { profiles: many, hit = 0, metric = 0 } = each(bucket);
        for (let index = 0; index < many; index++) {
          const profileId = profileAt(bucket, index);
          served.push({ rolloutId: id, window, profileId, subject: { bucket, unit: profileId.toHexString() }, at });
          if (index < hit) hits.push({ rolloutId: id, window, metric, profileId, at });
        }
      }
      await profiles.serve(served);
      await client.withSession((session) => session.withTransaction(() => profiles.mark(hits, session)));
    },
  };
}

/** What a look sees that finds harm. */
export const HARM: Partial<RolloutLookDoc> = {
  harm: 'errors',
  metrics: [
    {
      name: 'errors',
      exposed: { profiles: 100, hit: 30 },
      control: { profiles: 900, hit: 27 },
      evidence: 1234,
      needed: 25,
      harmed: true,
    },
  ],
};

/** Somebody who always has this bucket. */
export const profileAt = (bucket: number, index: number): ObjectId =>
  new ObjectId(`b0${String(bucket).padStart(4, '0')}${String(index).padStart(18, '0')}`);
