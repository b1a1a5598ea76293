import type { Binary, ClientSession, Db, ObjectId } from 'mongodb';
import { ALERT_CAUSES, type AlertCause } from './alerts.js';
import type { CollectionSpec } from './collection.js';
import { arrayOf, binary, boolean, date, documentOf, nullable, objectId, oneOf, string } from './json-schema.js';

export const CHANNEL_KINDS = ['webhook', 'email'] as const;
export type ChannelKind = (typeof CHANNEL_KINDS)[number];

/** The body of a webhook: ours in full, or what Slack and its likes show. */
export const WEBHOOK_FORMATS = ['standard', 'slack'] as const;
export type WebhookFormat = (typeof WEBHOOK_FORMATS)[number];

/** A signing secret, encrypted. During the overlap after a rotation there are two, and a message has two signatures. */
export interface ChannelSecretDoc {
  readonly sealed: Binary;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
}

/** Where an app's alerts go. */
export interface AlertChannelDoc {
  readonly _id: ObjectId;
  readonly appId: ObjectId;
  readonly kind: ChannelKind;
  readonly name: string;
  /** Of a webhook, else null. */
  readonly url: string | null;
  readonly format: WebhookFormat;
  /** Of an e-mail channel, else empty. */
  readonly recipients: readonly string[];
  readonly causes: readonly AlertCause[];
  readonly enabled: boolean;
  /** Newest first; empty where nothing is signed. */
  readonly secrets: readonly ChannelSecretDoc[];
  readonly createdAt: Date;
  /** Since when no attempt succeeds; null: the last one did, or there was none. */
  readonly failingSince: Date | null;
  readonly lastDeliveredAt: Date | null;
  /** When the receiver answered 410: it wants no more, and the channel is disabled until somebody enables it again. */
  readonly goneAt: Date | null;
}

export type ChannelChange = Partial<
  Pick<AlertChannelDoc, 'name' | 'url' | 'format' | 'recipients' | 'causes' | 'enabled' | 'secrets' | 'goneAt'>
>;

export const alertChannelsSpec: CollectionSpec = {
  name: 'alert_channels',
  indexes: [{ key: { appId: 1, _id: -1 }, name: 'by_app' }],
  jsonSchema: documentOf<AlertChannelDoc>({
    _id: objectId,
    appId: objectId,
    kind: oneOf(CHANNEL_KINDS),
    name: string,
    url: nullable(string),
    format: oneOf(WEBHOOK_FORMATS),
    recipients: arrayOf(string),
    causes: arrayOf(oneOf(ALERT_CAUSES)),
    enabled: boolean,
    secrets: arrayOf(documentOf<ChannelSecretDoc>({ sealed: binary, createdAt: date, expiresAt: nullable(date) })),
    createdAt: date,
    failingSince: nullable(date),
    lastDeliveredAt: nullable(date),
    goneAt: nullable(date),
  }),
};

export function alertChannels(db: Db) {
  const collection = db.collection<AlertChannelDoc>(alertChannelsSpec.name);

  return {
    async insert(session: ClientSession, doc: AlertChannelDoc): Promise<void> {
      await collection.insertOne(doc, { session });
    },

    async find(channelId: ObjectId): Promise<AlertChannelDoc | undefined> {
      return (await collection.findOne({ _id: channelId })) ?? undefined;
    },

    async findIn(session: ClientSession, appId: ObjectId, channelId: ObjectId): Promise<AlertChannelDoc | undefined> {
      return (await collection.findOne({ _id: channelId, appId }, { session })) ?? undefined;
    },

    /** Newest first; all of them, since an app may have few. */
    async ofApp(appId: ObjectId, session?: ClientSession): Promise<AlertChannelDoc[]> {
      return collection
        .find({ appId }, session && { session })
        .sort({ _id: -1 })
        .toArray();
    },

    async enabledOf(appIds: readonly ObjectId[]): Promise<AlertChannelDoc[]> {
      return collection
        .find({ appId: { $in: [...appIds] }, enabled: true })
        .sort({ _id: 1 })
        .toArray();
    },

    /** Setting the same twice changes nothing. */
    async change(session: ClientSession, channelId: ObjectId, change: ChannelChange): Promise<void> {
      await collection.updateOne({ _id: channelId }, { $set: change }, { session });
    },

    async remove(session: ClientSession, channelId: ObjectId): Promise<void> {
      await collection.deleteOne({ _id: channelId }, { session });
    },

    async succeeded(channelId: ObjectId, at: Date): Promise<void> {
      await collection.updateOne({ _id: channelId }, { $set: { failingSince: null }, $max: { lastDeliveredAt: at } });
    },

    /** The first failure after a success stays. */
    async failed(channelId: ObjectId, at: Date): Promise<void> {
      await collection.updateOne({ _id: channelId, failingSince: null }, { $set: { failingSince: at } });
    },
  };
}

export type AlertChannels = ReturnType<typeof alertChannels>;
