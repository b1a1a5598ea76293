import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type Collection, ObjectId } from 'mongodb';
import { errorGroupDeps } from '../../activities/error-group-deps.js';
import type { AlertDoc } from '../../db/alerts.js';
import { apps } from '../../db/apps.js';
import type { ErrorActivityDoc } from '../../db/error-activity.js';
import type { ErrorGroupDoc } from '../../db/error-groups.js';
import type { ErrorGroupProfileDoc } from '../../db/error-group-profiles.js';
import { errorStore } from '../../db/error-store.js';
import type { GroupedError } from '../../db/error-tally.js';
import type { VerbOutcome } from '../../db/error-verb-state.js';
import { members } from '../../db/members.js';
import { releases } from '../../db/releases.js';
import { applySchema } from '../../db/schema.js';
import { DEFAULT_APP_CONFIG, type ErrorConfig } from '../../domain/app.js';
import type { ErrorVerb } from '../../domain/error-verb.js';
import type { Role } from '../../domain/member.js';
import { testDatabase } from './database.js';
import { fingerprintOf, groupedError } from './error-documents.js';

export type GroupLife = Awaited<ReturnType<typeof groupLife>>;
export type DoneOutcome = Extract<VerbOutcome, { outcome: 'done' }>;
export type RefusedOutcome = Extract<VerbOutcome, { outcome: 'refused' }>;

interface How {
  readonly by?: ObjectId;
  readonly requestId?: string;
  readonly now?: Date;
}

/** An app with members, the real ingest of errors into it, and all that people and time do to its groups. */
export async function groupLife(purpose: string, config: Partial<ErrorConfig> = {}) {
  const database = await testDatabase(purpose);
  const { client, db } = database;
  await applySchema(db);
  const known = releases(db);
  const store = errorStore({ db, releases: known });
  const deps = errorGroupDeps({ client, db });
  const people = members(db);
  const dsn = { next: 1 };

  /** Registers an app, as its document alone. */
  async function newApp(slug: string, errors: Partial<ErrorConfig> = config): Promise<ObjectId> {
    const _id = new ObjectId();
    await client.withSession((session) =>
      apps(db).insert(session, {
        _id,
        appId: slug,
        name: slug,
        ownerProfileId: new ObjectId(),
        apiKey: 'none',
        apiKeyPrefix: 'none',
        config: { ...DEFAULT_APP_CONFIG, errors: { ...DEFAULT_APP_CONFIG.errors, ...errors } },
        createdAt: new Date(),
        dsnId: dsn.next++,
        identity: { version: 1, previousUntil: null },
        membersRev: 0,
      }),
    );
    return _id;
  }
  const appId = await newApp('shop');

  async function person(role: Role | undefined, app = appId): Promise<ObjectId> {
    const _id = new ObjectId();
    const roles = role === undefined ? [] : [{ appId: app, role }];
    const doc = { _id, name: 'Somebody', email: null, owner: false, roles, createdAt: new Date(), revokedAt: null };
    await client.withSession((session) => people.insert(session, doc));
    return _id;
  }
  const actor = await person('developer');

  const groups: Collection<ErrorGroupDoc> = db.collection('error_groups');
  const rows: Collection<ErrorGroupProfileDoc> = db.collection('error_group_profiles');
  const activity: Collection<ErrorActivityDoc> = db.collection('error_activity');
  const alerts: Collection<AlertDoc> = db.collection('alerts');

  async function add(errors: readonly GroupedError[], now = new Date(), app = appId): Promise<void> {
    await client.withSession((session) =>
      session.withTransaction(
        () => store.store({ appId: app, errors, config: { maxStoredPerGroup: 1_000_000 }, now }, session),
        { readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority' } },
      ),
    );
  }

  async function group(name: string): Promise<ErrorGroupDoc> {
    const found = await groups.findOne({ appId, fingerprint: fingerprintOf(name) });
    assert.ok(found, `no group ${name}`);
    return found;
  }

  const verb = (
    groupId: ObjectId,
    what: ErrorVerb,
    { by = actor, requestId = randomUUID(), now = new Date() }: How = {},
  ): Promise<VerbOutcome> => deps.errorVerbs.apply({ groupId, actor: by, requestId, verb: what, now });

  return {
    ...database,
    ...deps,
    releases: known,
    appId,
    newApp,
    person,
    actor,
    groups,
    rows,
    activity,
    alerts,
    add,
    group,
    verb,

    /** Occurrences of a group, one for each profile. */
    async occur(
      name: string,
      profiles: readonly ObjectId[],
      facts: { release?: string; at?: number; now?: Date } = {},
    ): Promise<ErrorGroupDoc> {
      const { release = '', now = new Date(), at = now.getTime() } = facts;
      const one = (profileId: ObjectId) =>
        groupedError(appId, { group: name, profileId, release, timestampMs: at, receivedAt: now });
      await add(profiles.map(one), now);
      return group(name);
    },

    async done(groupId: ObjectId, what: ErrorVerb, how: How = {}): Promise<DoneOutcome> {
      const outcome = await verb(groupId, what, how);
      assert.equal(outcome.outcome, 'done', JSON.stringify(outcome));
      return outcome;
    },

    async refused(groupId: ObjectId, what: ErrorVerb, how: How = {}): Promise<RefusedOutcome> {
      const outcome = await verb(groupId, what, how);
      assert.equal(outcome.outcome, 'refused', JSON.stringify(outcome));
      return outcome;
    },

    /** Moves rows of profiles until they are there. */
    async settle(...ids: readonly ObjectId[]): Promise<void> {
      for (const id of ids) while (await deps.errorProfileMoves.step(id));
    },

    timeline: (groupId: ObjectId) => activity.find({ groupId }).sort({ at: 1, _id: 1 }).toArray(),
  };
}

export const profileId = (n: number): ObjectId => new ObjectId(String(n).padStart(24, 'a'));
export const profileIds = (from: number, to: number): ObjectId[] =>
  Array.from({ length: to - from }, (_, index) => profileId(from + index));
