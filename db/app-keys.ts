import type { ClientSession, Db, ObjectId } from 'mongodb';
import { KEY_KINDS, type KeyKind } from '../domain/key.js';
import { type App, type AppDoc, appRegistrationsSpec, toApp } from './apps.js';
import type { CollectionSpec } from './collection.js';

export interface AppKeyDoc {
  readonly _id: ObjectId;
  readonly appId: ObjectId;
  readonly kind: KeyKind;
  readonly name: string;
  /** SHA-256 of the key, hex. The key itself is nowhere. */
  readonly hash: string;
  readonly prefix: string;
  /** Browsers on these origins may use it; none: all may. */
  readonly origins: readonly string[];
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
}

export interface KeyAndApp {
  readonly key: AppKeyDoc;
  readonly app: App;
}

export const appKeysSpec: CollectionSpec = {
  name: 'app_keys',
  indexes: [
    { key: { hash: 1 }, name: 'by_hash', unique: true },
    { key: { appId: 1, _id: -1 }, name: 'by_app' },
  ],
  jsonSchema: {
    bsonType: 'object',
    required: ['appId', 'kind', 'hash', 'prefix', 'origins', 'createdAt', 'expiresAt', 'revokedAt', 'lastUsedAt'],
    properties: {
      appId: { bsonType: 'objectId' },
      kind: { enum: [...KEY_KINDS] },
      name: { bsonType: 'string' },
      hash: { bsonType: 'string' },
      prefix: { bsonType: 'string' },
      origins: { bsonType: 'array', items: { bsonType: 'string' } },
      createdAt: { bsonType: 'date' },
      expiresAt: { bsonType: ['date', 'null'] },
      revokedAt: { bsonType: ['date', 'null'] },
      lastUsedAt: { bsonType: ['date', 'null'] },
    },
  },
};

const TOUCH_EVERY_MS = 60_000;

export function appKeys(db: Db) {
  const collection = db.collection<AppKeyDoc>(appKeysSpec.name);

  return {
    /** Once: by the unique hash. */
    async insert(session: ClientSession, doc: AppKeyDoc): Promise<void> {
      await collection.insertOne(doc, { session });
    },

    /** The key and its app in one round trip: what a request is judged by. */
    async findWithApp(hash: string): Promise<KeyAndApp | undefined> {
      const [found] = await collection
        .aggregate<AppKeyDoc & { readonly app: readonly AppDoc[] }>([
          { $match: { hash } },
          { $lookup: { from: appRegistrationsSpec.name, localField: 'appId', foreignField: '_id', as: 'app' } },
        ])
        .toArray();
      const app = found?.app[0];
      return found === undefined || app === undefined ? undefined : { key: found, app: toApp(app) };
    },

    async find(appId: ObjectId, keyId: ObjectId, session?: ClientSession): Promise<AppKeyDoc | undefined> {
      return (await collection.findOne({ _id: keyId, appId }, session === undefined ? {} : { session })) ?? undefined;
    },

    /** Newest first. */
    async page(appId: ObjectId, { before, limit }: KeyPage): Promise<AppKeyDoc[]> {
      const filter = before === undefined ? { appId } : { appId, _id: { $lt: before } };
      return collection.find(filter).sort({ _id: -1 }).limit(limit).toArray();
    },

    /** Idempotent, and never later than it was: an end that is set can only come nearer. */
    async endAt(session: ClientSession, keyId: ObjectId, expiresAt: Date): Promise<void> {
      await collection.updateOne(
        { _id: keyId, $or: [{ expiresAt: null }, { expiresAt: { $gt: expiresAt } }] },
        { $set: { expiresAt } },
        { session },
      );
    },

    async setOrigins(session: ClientSession, keyId: ObjectId, origins: readonly string[]): Promise<void> {
      await collection.updateOne({ _id: keyId }, { $set: { origins: [...origins] } }, { session });
    },

    /** Idempotent: the first revocation stays. */
    async revoke(session: ClientSession, keyId: ObjectId, revokedAt: Date): Promise<void> {
      await collection.updateOne({ _id: keyId, revokedAt: null }, { $set: { revokedAt } }, { session });
    },

    /** Notes a use, at most once a minute over all processes. Nothing depends on it, so one member's word is enough. */
    async touch(keyId: ObjectId, at: Date): Promise<void> {
      const stale = new Date(at.getTime() - TOUCH_EVERY_MS);
      await collection.updateOne(
        { _id: keyId, $or: [{ lastUsedAt: null }, { lastUsedAt: { $lt: stale } }] },
        { $set: { lastUsedAt: at } },
        { writeConcern: { w: 1 } },
      );
    },
  };
}

export interface KeyPage {
  readonly before?: ObjectId | undefined;
  readonly limit: number;
}

export type AppKeys = ReturnType<typeof appKeys>;
