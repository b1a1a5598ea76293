import type { Db, ObjectId } from 'mongodb';
import type { CollectionSpec } from './collection.js';
import { anything, date, documentOf, mapOf, objectId, oneOf, string } from './json-schema.js';

export const ALERT_CAUSES = ['new_group', 'regression', 'snooze_ended', 'threshold', 'spike'] as const;
export type AlertCause = (typeof ALERT_CAUSES)[number];

/** Something to tell people: written in the transaction that makes it true, told afterwards, once. */
export interface AlertDoc {
  /** `<hex of groupId>/<cause>/<number or window>`: the same cause is one alert. */
  readonly _id: string;
  readonly appId: ObjectId;
  readonly groupId: ObjectId;
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
    groupId: objectId,
    cause: oneOf(ALERT_CAUSES),
    at: date,
    facts: mapOf(anything),
    state: oneOf(['new', 'told']),
  }),
};

/** `number`: the how-manieth regression of the group, or the beginning of a window in ms. */
export const alertId = (groupId: ObjectId, cause: AlertCause, number: number): string =>
  `${groupId.toHexString()}/${cause}/${String(number)}`;

export function alerts(db: Db) {
  const collection = db.collection<AlertDoc>(alertsSpec.name);

  return {
    /** Idempotent by the id: an alert that is there already, told or not, stays as it is. */
    async raise(docs: readonly AlertDoc[]): Promise<number> {
      if (docs.length === 0) return 0;
      const writes = docs.map(({ _id, ...rest }) => ({
        updateOne: { filter: { _id }, update: { $setOnInsert: rest }, upsert: true },
      }));
      const { upsertedCount } = await collection.bulkWrite(writes, { ordered: false });
      return upsertedCount;
    },

    /** The oldest that nobody has been told of. */
    async waiting(limit: number): Promise<AlertDoc[]> {
      return collection.find({ state: 'new' }).sort({ at: 1 }).limit(limit).toArray();
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
    async isRecent(groupId: ObjectId, cause: AlertCause, since: Date, oldestWindowMs: number): Promise<boolean> {
      const _id = { $gte: alertId(groupId, cause, oldestWindowMs), $lt: `${groupId.toHexString()}/${cause}0` };
      return (await collection.findOne({ _id, at: { $gt: since } }, { projection: { _id: 1 } })) !== null;
    },
  };
}

export type Alerts = ReturnType<typeof alerts>;
