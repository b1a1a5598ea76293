import type { ClientSession, Db, ObjectId } from 'mongodb';
import { KEY_KINDS, type KeyKind } from '../domain/key.js';
import { type App, type AppDoc, appRegistrationsSpec, toApp } from './apps.js';
import type { CollectionSpec } from './collection.js';
import { arrayOf, date, documentOf, nullable, objectId, oneOf, string } from './json-schema.js';

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
  /** The key that a rotation put in its place. */
  readonly replacedBy: ObjectId | null;
}

export interface KeyChange {
  readonly name?: string | undefined;
  readonly origins?: readonly string[] | undefined;
  readonly expiresAt?: Date | undefined;
  readonly replacedBy?: ObjectId | undefined;
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
  jsonSchema: documentOf<AppKeyDoc>({
    _id: objectId,
    appId: objectId,
    kind: oneOf(KEY_KINDS),
    name: string,
    hash: string,
    prefix: string,
    origins: arrayOf(string),
    createdAt: date,
    expiresAt: nullable(date),
    revokedAt: nullable(date),
    lastUsedAt: nullable(date),
    replacedBy: nullable(objectId),
  }),
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
      if (found === undefined) return undefined;
      const {
        app: [app],
        ...key
      } = found;
      return app && { key, app: toApp(app) };
    },

    async find(appId: ObjectId, keyId: ObjectId, session?: ClientSession): Promise<AppKeyDoc | undefined> {
      return (await collection.findOne({ _id: keyId, appId }, session === undefined ? {} : { session })) ?? undefined;
    },

    async findByHash(session: ClientSession, hash: string): Promise<AppKeyDoc | undefined> {
      return (await collection.findOne({ hash }, { session })) ?? undefined;
    },

    /** Newest first. */
    async page(appId: ObjectId, { before, limit }: KeyPage): Promise<AppKeyDoc[]> {
      const filter = before === undefined ? { appId } : { appId, _id: { $lt: before } };
      return collection.find(filter).sort({ _id: -1 }).limit(limit).toArray();
    },

    /** Setting the same twice changes nothing. */
    async change(session: ClientSession, keyId: ObjectId, change: KeyChange): Promise<void> {
      const $set = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
      await collection.updateOne({ _id: keyId }, { $set }, { session });
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
