import { type ClientSession, type Db, type MongoClient, ObjectId } from 'mongodb';
import type { ErrorStatus } from '../domain/error-status.js';
import { DAY_MS, HOUR_MS } from '../domain/limits.js';
import { type AlertDoc, alertsSpec } from './alerts.js';
import type { App, Apps } from './apps.js';
import { isDuplicateKey } from './duplicate-key.js';
import { type ErrorActivityDoc, errorActivitySpec } from './error-activity.js';
import { type ErrorGroupDoc, errorGroupsSpec } from './error-groups.js';
import { proofOfFix } from './error-proof.js';
import type { Releases } from './releases.js';

interface Deps {
  readonly client: MongoClient;
  readonly db: Db;
  readonly apps: Pick<Apps, 'page'>;
  readonly releases: Pick<Releases, 'declaredFacts' | 'facts'>;
}

/** What is to be done about a group at some time, and nobody asks for. */
export interface GroupPlan {
  /** Slug, for ops. */
  readonly app: string;
  readonly status: ErrorStatus | 'merged' | 'gone';
  /** Whatever is done later is done only if this is still the same. */
  readonly statusRev: number;
  readonly ignoreUntilMs: number | null;
  readonly remindAtMs: number | null;
  /** Since when sessions are to prove the fix. */
  readonly proveSinceMs: number | null;
  /** Whether rows of profiles are to be moved, after a merge or an unmerge. */
  readonly moving: boolean;
}

/** Something that is due, as planned. */
export interface Due {
  readonly groupId: ObjectId;
  readonly statusRev: number;
  readonly now: Date;
}

/** A fix that nobody has run for so long is not proved any more. */
const PROOF_DAYS = 30;

const GONE: GroupPlan = {
  app: '',
  status: 'gone',
  statusRev: 0,
  ignoreUntilMs: null,
  remindAtMs: null,
  proveSinceMs: null,
  moving: false,
};

type Planned = Omit<ErrorGroupDoc, 'comments' | 'message' | 'grouping'>;
const PLANNED = { comments: 0, message: 0, grouping: 0 } as const;

/** What time does to groups. Each is guarded by the status it was planned for: too late or twice, it does nothing. */
export function errorTimers({ client, db, apps, releases }: Deps) {
  const groups = db.collection<ErrorGroupDoc>(errorGroupsSpec.name);
  const activity = db.collection<ErrorActivityDoc>(errorActivitySpec.name);
  const alerts = db.collection<AlertDoc>(alertsSpec.name);
  const prove = proofOfFix({ db, releases });

  const read = (_id: ObjectId, session?: ClientSession) =>
    groups.findOne<Planned>({ _id }, { projection: PLANNED, ...(session && { session }) });

  async function appOf({ appId }: Planned): Promise<App | undefined> {
    const [app] = await apps.page({ ids: [appId], limit: 1 });
    return app;
  }

  const row = (
    { appId, _id }: Planned,
    verb: string,
    requestId: string,
    at: Date,
    facts: ErrorActivityDoc['facts'],
  ): ErrorActivityDoc => ({ _id: new ObjectId(), appId, groupId: _id, at, actor: null, verb, facts, requestId });

  /** When somebody last did something about it, or it came back; null where nobody ever did. */
  async function touchedAt({ _id, regressedAt }: Planned): Promise<Date | null> {
    const [last] = await activity
      .find({ groupId: _id, actor: { $ne: null } }, { projection: { at: 1 } })
      .sort({ at: -1 })
      .limit(1)
      .toArray();
    const acted = last?.at ?? null;
    if (acted === null || regressedAt === null) return acted ?? regressedAt;
    return acted > regressedAt ? acted : regressedAt;
  }

  const reminderId = (touched: Date): string => `reminder/${String(touched.getTime())}`;

  /** The reminder that an assigned open group is to get, unless it got it. */
  async function reminderOf(group: Planned, hours: number): Promise<{ id: string; atMs: number } | undefined> {
    const isOpen = group.status === 'new' || group.status === 'investigating';
    if (hours === 0 || group.assignee === null || group.mergedInto !== null || !isOpen) return undefined;
    const touched = await touchedAt(group);
    if (touched === null) return undefined;
    const id = reminderId(touched);
    const reminded = await activity.countDocuments({ groupId: group._id, requestId: id }, { limit: 1 });
    return reminded === 0 ? { id, atMs: touched.getTime() + hours * HOUR_MS } : undefined;
  }

  const inTransaction = <T>(work: (session: ClientSession) => Promise<T>): Promise<T> =>
    client.withSession((session) =>
      session.withTransaction(() => work(session), {
        readConcern: { level: 'snapshot' },
        writeConcern: { w: 'majority', journal: true },
      }),
    );

  return {
    /** What lies ahead for a group, as MongoDB has it now. */
    async plan(groupId: ObjectId, now: Date): Promise<GroupPlan> {
      const group = await read(groupId);
      if (group === null) return GONE;
      const app = await appOf(group);
      if (app === undefined) return GONE;
      const { status, statusRev, ignore, resolution, verifiedAt } = group;
      const merged = group.mergedInto !== null;
      const { reminderHours, proofOfFixSessions } = app.config.errors;
      const provable = !merged && status === 'resolved' && verifiedAt === null && proofOfFixSessions > 0;
      const since = provable ? (resolution?.at.getTime() ?? null) : null;
      return {
        app: app.appId,
        status: merged ? 'merged' : status,
        statusRev,
        ignoreUntilMs: !merged && status === 'ignored' ? (ignore?.until?.getTime() ?? null) : null,
        remindAtMs: (await reminderOf(group, reminderHours))?.atMs ?? null,
        proveSinceMs: since !== null && now.getTime() < since + PROOF_DAYS * DAY_MS ? since : null,
        moving: group.profileMove !== undefined,
      };
    },

    /** Ends an ignore whose date has come, and has people told. */
    async endIgnore({ groupId, statusRev, now }: Due): Promise<boolean> {
      return inTransaction(async (session) => {
        const filter = { _id: groupId, statusRev, status: 'ignored' as const, mergedInto: null };
        const group = await groups.findOneAndUpdate(
          { ...filter, 'ignore.until': { $lte: now } },
          { $set: { status: 'new', ignore: null }, $inc: { statusRev: 1 } },
          { session, returnDocument: 'before' },
        );
        if (group === null) return false;
        const number = String(statusRev + 1);
        const reason = 'until';
        const facts = { reason, ignore: group.ignore };
        await activity.insertOne(row(group, 'ignore_ended', `ignore-ended/${number}`, now, facts), { session });
        const _id = `${groupId.toHexString()}/snooze_ended/${number}`;
        const { appId } = group;
        const alert: AlertDoc = {
          _id,
          appId,
          groupId,
          cause: 'snooze_ended',
          at: now,
          facts: { reason },
          state: 'new',
        };
        await alerts.insertOne(alert, { session });
        return true;
      });
    },

    /** Reminds of an assigned group on which nobody acts, once until somebody does. */
    async remind({ groupId, now }: Due): Promise<boolean> {
      const group = await read(groupId);
      const app = group === null ? undefined : await appOf(group);
      if (group === null || app === undefined) return false;
      const hours = app.config.errors.reminderHours;
      const due = await reminderOf(group, hours);
      if (due === undefined || due.atMs > now.getTime()) return false;
      try {
        await activity.insertOne(row(group, 'reminded', due.id, now, { assignee: group.assignee, hours }));
        return true;
      } catch (error) {
        if (!isDuplicateKey(error, 'requestId')) throw error;
        return false;
      }
    },

    /** Looks whether enough sessions ran on the fix, and notes it. */
    async proveFix({ groupId, statusRev, now }: Due): Promise<boolean> {
      const group = await read(groupId);
      const app = group === null ? undefined : await appOf(group);
      if (group === null || app === undefined) return false;
      if (group.statusRev !== statusRev || group.resolution === null) return false;
      const proof = await prove(group, group.resolution);
      if (proof === undefined || proof.sessions < app.config.errors.proofOfFixSessions) return false;
      return inTransaction(async (session) => {
        const guard = { _id: groupId, statusRev, status: 'resolved' as const, verifiedAt: null, mergedInto: null };
        const { modifiedCount } = await groups.updateOne(guard, { $set: { verifiedAt: now } }, { session });
        if (modifiedCount === 0) return false;
        await activity.insertOne(row(group, 'verified', `verified/${String(statusRev)}`, now, { ...proof }), {
          session,
        });
        return true;
      });
    },
  };
}

export type ErrorTimers = ReturnType<typeof errorTimers>;
