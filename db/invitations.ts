import type { ClientSession, Db, ObjectId } from 'mongodb';
import { type Role, ROLES } from '../domain/member.js';
import type { CollectionSpec } from './collection.js';
import { arrayOf, date, documentOf, nullable, objectId, oneOf, optional, string } from './json-schema.js';

/** That somebody may join an app. It is there for as long as it is open: accepted or revoked, it goes. */
export interface InvitationDoc {
  readonly _id: ObjectId;
  readonly appId: ObjectId;
  readonly role: Role;
  readonly locales?: readonly string[];
  /** Whose it is without the secret too, in lower case. Null: only who has the secret can accept it. */
  readonly email: string | null;
  readonly invitedBy: ObjectId;
  readonly invitedByName: string;
  /** SHA-256 of the secret, hex. The secret itself is nowhere. */
  readonly hash: string;
  readonly prefix: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/** By its secret; by id, for whom it is addressed to; by id, for the app's own people. */
export type InvitationBy = Pick<InvitationDoc, 'hash'> | Pick<InvitationDoc, '_id' | 'email'>;

export const invitationsSpec: CollectionSpec = {
  name: 'invitations',
  indexes: [
    { key: { hash: 1 }, name: 'by_hash', unique: true },
    { key: { appId: 1, _id: -1 }, name: 'by_app' },
    { key: { email: 1, _id: -1 }, name: 'by_email', partialFilterExpression: { email: { $type: 'string' } } },
    { key: { expiresAt: 1 }, name: 'expiry', expireAfterSeconds: 0 },
  ],
  jsonSchema: documentOf<InvitationDoc>({
    _id: objectId,
    appId: objectId,
    role: oneOf(ROLES),
    locales: optional(arrayOf(string)),
    email: nullable(string),
    invitedBy: objectId,
    invitedByName: string,
    hash: string,
    prefix: string,
    createdAt: date,
    expiresAt: date,
  }),
};

/** Of one address, the newest: anybody who may invite can add to these. */
const MOST_SHOWN = 200;

export function invitations(db: Db) {
  const collection = db.collection<InvitationDoc>(invitationsSpec.name);
  /** MongoDB deletes what has expired a moment later. */
  const openAt = (now: Date) => ({ expiresAt: { $gt: now } });

  return {
    /** Once: by the unique hash. */
    async insert(session: ClientSession, doc: InvitationDoc): Promise<void> {
      await collection.insertOne(doc, { session });
    },

    async findOpen(by: InvitationBy, now: Date, session?: ClientSession): Promise<InvitationDoc | undefined> {
      return (await collection.findOne({ ...by, ...openAt(now) }, session && { session })) ?? undefined;
    },

    async find(session: ClientSession, appId: ObjectId, id: ObjectId): Promise<InvitationDoc | undefined> {
      return (await collection.findOne({ _id: id, appId }, { session })) ?? undefined;
    },

    async countOpen(session: ClientSession, appId: ObjectId, now: Date): Promise<number> {
      return collection.countDocuments({ appId, ...openAt(now) }, { session });
    },

    /** Newest first; there are never more than `MOST_OPEN_INVITATIONS`. */
    async ofApp(appId: ObjectId, now: Date): Promise<InvitationDoc[]> {
      return collection
        .find({ appId, ...openAt(now) })
        .sort({ _id: -1 })
        .toArray();
    },

    /** Newest first. */
    async to(email: string, now: Date): Promise<InvitationDoc[]> {
      return collection
        .find({ email, ...openAt(now) })
        .sort({ _id: -1 })
        .limit(MOST_SHOWN)
        .toArray();
    },

    /** Idempotent. Of two transactions that remove the same one, only the first commits. */
    async remove(session: ClientSession, id: ObjectId): Promise<void> {
      await collection.deleteOne({ _id: id }, { session });
    },
  };
}

export type Invitations = ReturnType<typeof invitations>;
