import { type Db, type MongoClient, ObjectId } from 'mongodb';
import { DAY_MS } from '../domain/limits.js';
import { type AppDoc, appRegistrationsSpec } from './apps.js';
import { type ErrorActivityDoc, errorActivitySpec } from './error-activity.js';
import { type ErrorGroupDoc, errorGroupsSpec, type ResolutionDoc } from './error-groups.js';

interface Deps {
  readonly client: MongoClient;
  readonly db: Db;
}

export interface QuietApp {
  readonly id: ObjectId;
  readonly appId: string;
  readonly days: number;
}

/** Groups in one transaction. */
const GROUPS_A_STEP = 100;

/** Resolves groups that have been quiet for as long as their app says. */
export function errorAutoResolve({ client, db }: Deps) {
  const apps = db.collection<AppDoc>(appRegistrationsSpec.name);
  const groups = db.collection<ErrorGroupDoc>(errorGroupsSpec.name);
  const activity = db.collection<ErrorActivityDoc>(errorActivitySpec.name);

  return {
    /** Apps that want it. */
    async apps(): Promise<QuietApp[]> {
      const found = await apps
        .find({ 'config.errors.autoResolveDays': { $gt: 0 } }, { projection: { appId: 1, config: 1 } })
        .toArray();
      return found.map(({ _id, appId, config }) => ({ id: _id, appId, days: config.errors?.autoResolveDays ?? 0 }));
    },

    /** Some of them; how many it was. Idempotent: who is resolved is no longer open, who is seen meanwhile is not quiet. */
    async step({ id: appId, days }: QuietApp, now: Date): Promise<number> {
      const quietSince = new Date(now.getTime() - days * DAY_MS);
      const quiet = {
        appId,
        mergedInto: null,
        status: { $in: ['new' as const, 'investigating' as const] },
        lastSeen: { $lt: quietSince },
      };
      return client.withSession((session) =>
        session.withTransaction(
          async () => {
            const found = await groups
              .find(quiet, { session, projection: { status: 1, statusRev: 1 } })
              .limit(GROUPS_A_STEP)
              .toArray();
            if (found.length === 0) return 0;
            const resolution: ResolutionDoc = { kind: 'now', release: null, at: now, by: null };
            await groups.updateMany(
              { _id: { $in: found.map(({ _id }) => _id) } },
              { $set: { status: 'resolved', resolution, verifiedAt: null, ignore: null }, $inc: { statusRev: 1 } },
              { session },
            );
            await activity.insertMany(
              found.map(({ _id, status, statusRev }) => ({
                _id: new ObjectId(),
                appId,
                groupId: _id,
                at: now,
                actor: null,
                verb: 'resolve',
                facts: { from: status, to: 'resolved', kind: 'now', release: null, quietDays: days },
                requestId: `auto-resolve/${String(statusRev + 1)}`,
              })),
              { session },
            );
            return found.length;
          },
          { readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority', journal: true } },
        ),
      );
    },
  };
}

export type ErrorAutoResolve = ReturnType<typeof errorAutoResolve>;
