import { type Db, ObjectId } from 'mongodb';
import type { AlertChannelDoc } from './alert-channels.js';
import { ALERT_CAUSES, type AlertCause, type AlertDoc } from './alerts.js';
import type { CollectionSpec } from './collection.js';
import { arrayOf, date, documentOf, nullable, number, objectId, oneOf, optional, string } from './json-schema.js';

/** `suppressed`: the channel had its fill for this hour; it is sent when somebody replays it. */
export const DELIVERY_STATES = ['pending', 'delivered', 'failed', 'suppressed'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** One try at telling a channel. */
export interface AttemptDoc {
  readonly at: Date;
  readonly ms: number;
  /** What an HTTP or SMTP server answered; null where it did not come to that. */
  readonly status: number | null;
  /** The beginning of its answer. */
  readonly answer: string;
  /** Why it is no success; null where it is one. */
  readonly failure: string | null;
}

/** That an alert is to be told on a channel, and what came of it. */
export interface AlertDeliveryDoc {
  readonly _id: ObjectId;
  readonly appId: ObjectId;
  readonly channelId: ObjectId;
  readonly alertId: string;
  /** What the alert is about: one of the two. */
  readonly groupId?: ObjectId;
  readonly flagKey?: string;
  readonly cause: AlertCause;
  readonly state: DeliveryState;
  /** JSON, as it was at the first attempt; all attempts send the same. */
  readonly message: string | null;
  readonly createdAt: Date;
  /** Of the last attempts; older ones make room. */
  readonly attempts: readonly AttemptDoc[];
  readonly attemptCount: number;
  readonly finishedAt: Date | null;
  /** Why it has failed for good. */
  readonly failure: string | null;
}

export type NewDelivery = Pick<
  AlertDeliveryDoc,
  '_id' | 'appId' | 'channelId' | 'alertId' | 'groupId' | 'flagKey' | 'cause' | 'createdAt'
> & { readonly state: 'pending' | 'suppressed' };

const DAY_SECONDS = 86_400;
const KEPT_ATTEMPTS = 50;

export const alertDeliveriesSpec: CollectionSpec = {
  name: 'alert_deliveries',
  indexes: [
    { key: { alertId: 1, channelId: 1 }, name: 'once_per_channel', unique: true },
    { key: { appId: 1, _id: -1 }, name: 'by_app' },
    { key: { channelId: 1, _id: -1 }, name: 'by_channel' },
    { key: { createdAt: 1 }, name: 'ttl', expireAfterSeconds: 90 * DAY_SECONDS },
  ],
  jsonSchema: documentOf<AlertDeliveryDoc>({
    _id: objectId,
    appId: objectId,
    channelId: objectId,
    alertId: string,
    groupId: optional(objectId),
    flagKey: optional(string),
    cause: oneOf(ALERT_CAUSES),
    state: oneOf(DELIVERY_STATES),
    message: nullable(string),
    createdAt: date,
    attempts: arrayOf(
      documentOf<AttemptDoc>({
        at: date,
        ms: number,
        status: nullable(number),
        answer: string,
        failure: nullable(string),
      }),
    ),
    attemptCount: number,
    finishedAt: nullable(date),
    failure: nullable(string),
  }),
};

export const newDelivery = (
  { _id: alertId, appId, groupId, flagKey, cause }: AlertDoc,
  { _id: channelId }: Pick<AlertChannelDoc, '_id'>,
  state: NewDelivery['state'],
  createdAt: Date,
): NewDelivery => ({
  ...{ _id: new ObjectId(), appId, channelId, alertId, cause, createdAt, state },
  ...(groupId !== undefined && { groupId }),
  ...(flagKey !== undefined && { flagKey }),
});

/** With its last attempt only. */
export type ListedDelivery = Omit<AlertDeliveryDoc, 'message'>;

export interface DeliveryFilter {
  readonly appId: ObjectId;
  readonly channelId?: ObjectId | undefined;
  readonly state?: DeliveryState | undefined;
  readonly before?: ObjectId | undefined;
}

export function alertDeliveries(db: Db) {
  const collection = db.collection<AlertDeliveryDoc>(alertDeliveriesSpec.name);

  return {
    /**
     * Idempotent by alert and channel. Answers with those of these alerts that are to be sent, whoever has inserted
     * them: after a death in between, they are started again, which a finished one does not mind.
     */
    async open(rows: readonly NewDelivery[]): Promise<AlertDeliveryDoc[]> {
      if (rows.length === 0) return [];
      const rest = { message: null, attempts: [], attemptCount: 0, finishedAt: null, failure: null };
      const writes = rows.map(({ alertId, channelId, ...row }) => ({
        updateOne: { filter: { alertId, channelId }, update: { $setOnInsert: { ...row, ...rest } }, upsert: true },
      }));
      await collection.bulkWrite(writes, { ordered: false });
      const alertIds = [...new Set(rows.map(({ alertId }) => alertId))];
      return collection
        .find({ alertId: { $in: alertIds }, state: 'pending' })
        .sort({ _id: 1 })
        .toArray();
    },

    /** How many of a cause a channel was to be sent since then. */
    async sentSince(channelId: ObjectId, cause: AlertCause, since: Date, most: number): Promise<number> {
      const first = ObjectId.createFromTime(Math.floor(since.getTime() / 1000));
      const filter = { channelId, _id: { $gte: first }, cause, state: { $ne: 'suppressed' } } as const;
      return collection.countDocuments(filter, { limit: most });
    },

    async find(deliveryId: string): Promise<AlertDeliveryDoc | undefined> {
      return (await collection.findOne({ _id: ObjectId.createFromHexString(deliveryId) })) ?? undefined;
    },

    /** Newest first. */
    async page({ before, ...filter }: DeliveryFilter, limit: number): Promise<ListedDelivery[]> {
      const given = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
      const older = before === undefined ? {} : { _id: { $lt: before } };
      return collection
        .find({ ...given, ...older }, { projection: { message: 0, attempts: { $slice: -1 } } })
        .sort({ _id: -1 })
        .limit(limit)
        .toArray();
    },

    /** The first message stays, so that all attempts send the same; answers with the one that holds. */
    async keepMessage(deliveryId: ObjectId, message: string): Promise<string> {
      await collection.updateOne({ _id: deliveryId, message: null }, { $set: { message } });
      return (await collection.findOne({ _id: deliveryId }, { projection: { message: 1 } }))?.message ?? message;
    },

    async noteAttempt(deliveryId: ObjectId, attempt: AttemptDoc): Promise<void> {
      await collection.updateOne(
        { _id: deliveryId },
        { $push: { attempts: { $each: [attempt], $slice: -KEPT_ATTEMPTS } }, $inc: { attemptCount: 1 } },
      );
    },

    /** Idempotent. Nothing undoes a success but a replay. */
    async finish(deliveryId: string, state: 'delivered' | 'failed', at: Date, failure: string | null): Promise<void> {
      const filter = state === 'delivered' ? {} : { state: { $ne: 'delivered' as const } };
      const _id = ObjectId.createFromHexString(deliveryId);
      await collection.updateOne({ _id, ...filter }, { $set: { state, finishedAt: at, failure } });
    },

    /** Idempotent. */
    async reopen(deliveryId: string): Promise<void> {
      const _id = ObjectId.createFromHexString(deliveryId);
      await collection.updateOne({ _id }, { $set: { state: 'pending', finishedAt: null, failure: null } });
    },
  };
}

export type AlertDeliveries = ReturnType<typeof alertDeliveries>;
