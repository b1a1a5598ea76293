import type { ClientSession, Db, ObjectId } from 'mongodb';
import type { CollectionSpec } from './collection.js';
import { anything, date, documentOf, mapOf, objectId, oneOf, optional, string } from './json-schema.js';

/** Of alerts about an error group. */
const GROUP_CAUSES = ['new_group', 'regression', 'snooze_ended', 'threshold', 'spike'] as const;
export type GroupCause = (typeof GROUP_CAUSES)[number];

/** Of alerts about a flag. */
const FLAG_CAUSES = ['flag_stale', 'rollout_reverted', 'rollout_paused'] as const;
export type FlagCause = (typeof FLAG_CAUSES)[number];

export const ALERT_CAUSES = [...GROUP_CAUSES, ...FLAG_CAUSES] as const;
export type AlertCause = (typeof ALERT_CAUSES)[number];

/** Something to tell people: written in the transaction that makes it true, told afterwards, once. */
export interface AlertDoc {
  /** Made of what it is about, the cause, and a number or window (`alertId`, `flagAlert`): the same cause is one alert. */
  readonly _id: string;
  readonly appId: ObjectId;
  /** With a cause of error groups. */
  readonly groupId?: ObjectId;
  /** With a cause of flags. */
  readonly flagKey?: string;
  readonly cause: AlertCause;
  readonly at: Date;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly state: 'new' | 'told';
}

export const alertsSpec: CollectionSpec = {
  name: 'alerts',
  indexes: [
    { key: { state: 1, at: 1 }, name: 'waiting', partialFilterExpression: { state: 'new' } },
    { key: { appId: 1, at: -1 }, name: 'by_app_time' },
  ],
  jsonSchema: documentOf<AlertDoc>({
    _id: string,
    appId: objectId,
    groupId: optional(objectId),
    flagKey: optional(string),
    cause: oneOf(ALERT_CAUSES),
    at: date,
    facts: mapOf(anything),
    state: oneOf(['new', 'told']),
  }),
};

/** `number`: the how-manieth regression of the group, or the beginning of a window in ms. */
export const alertId = (groupId: ObjectId, cause: GroupCause, number: number): string =>
  `${groupId.toHexString()}/${cause}/${String(number)}`;

export interface FlagAlert {
  readonly appId: ObjectId;
  readonly flagKey: string;
  readonly cause: FlagCause;
  /** Tells this time from others of the cause: a version, the id of a rollout and its step. */
  readonly which: string;
  readonly at: Date;
  /** What it was decided on. `why`, where there is one, is shown to people as it is. */
  readonly facts: Readonly<Record<string, unknown>> & { readonly why?: string };
}

/** An alert about a flag: one for each `which`. */
export const flagAlert = ({ appId, flagKey, cause, which, at, facts }: FlagAlert): AlertDoc => ({
  _id: `${appId.toHexString()}/${cause}/${which}/${flagKey}`,
  ...{ appId, flagKey, cause, at, facts, state: 'new' },
});

export function alerts(db: Db) {
  const collection = db.collection<AlertDoc>(alertsSpec.name);

  return {
    /** Idempotent by the id: an alert that is there already, told or not, stays as it is. */
    async raise(docs: readonly AlertDoc[], session?: ClientSession): Promise<number> {
      if (docs.length === 0) return 0;
      const writes = docs.map(({ _id, ...rest }) => ({
        updateOne: { filter: { _id }, update: { $setOnInsert: rest }, upsert: true },
      }));
      const { upsertedCount } = await collection.bulkWrite(writes, { ordered: false, ...(session && { session }) });
      return upsertedCount;
    },

    /** The oldest that nobody has been told of. */
    async waiting(limit: number, except: readonly string[] = []): Promise<AlertDoc[]> {
      return collection
        .find({ state: 'new', _id: { $nin: except } })
        .sort({ at: 1 })
        .limit(limit)
        .toArray();
    },

    async anyWaiting(): Promise<boolean> {
      return (await collection.findOne({ state: 'new' }, { projection: { _id: 1 } })) !== null;
    },

    /** Idempotent. */
    async told(ids: readonly string[]): Promise<void> {
      await collection.updateMany({ _id: { $in: [...ids] }, state: 'new' }, { $set: { state: 'told' } });
    },

    async find(id: string): Promise<AlertDoc | undefined> {
      return (await collection.findOne({ _id: id })) ?? undefined;
    },

    /** Whether the group was alerted of for this cause since then; windows begin at most a day before they fire. */
    async isRecent(groupId: ObjectId, cause: GroupCause, since: Date, oldestWindowMs: number): Promise<boolean> {
      const _id = { $gte: alertId(groupId, cause, oldestWindowMs), $lt: `${groupId.toHexString()}/${cause}0` };
      return (await collection.findOne({ _id, at: { $gt: since } }, { projection: { _id: 1 } })) !== null;
    },
  };
}

export type Alerts = ReturnType<typeof alerts>;
