import { type ClientSession, type Db, type Filter, ObjectId } from 'mongodb';
import { comparable } from '../domain/invitation.js';
import { type Rights, ROLES, type Role } from '../domain/member.js';
import type { CollectionSpec } from './collection.js';
import { arrayOf, boolean, date, documentOf, nullable, objectId, oneOf, optional, string } from './json-schema.js';

export interface MemberDoc {
  readonly _id: ObjectId;
  readonly name: string;
  /** For people to recognise each other by. Whoever adds a member types what they like here. */
  readonly email: string | null;
  /** When an owner of the instance stated the address; only then it decides anything: which invitations are theirs. */
  readonly emailVouchedAt?: Date | null;
  /** Of the instance. */
  readonly owner: boolean;
  /** Whom the first start of the instance made. There is one. */
  readonly firstOwner?: boolean;
  readonly roles: readonly MemberRole[];
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
}

export interface MemberRole {
  readonly appId: ObjectId;
  readonly role: Role;
  /** What a reviewer may review; left out: every locale. */
  readonly locales?: readonly string[];
}

export interface MemberPage {
  readonly before?: ObjectId | undefined;
  readonly limit: number;
}

export interface MemberChange {
  readonly name?: string | undefined;
  readonly email?: string | null | undefined;
  readonly emailVouchedAt?: Date | null | undefined;
  readonly owner?: boolean | undefined;
}

export const membersSpec: CollectionSpec = {
  name: 'members',
  indexes: [
    { key: { 'roles.appId': 1, _id: -1 }, name: 'by_app' },
    { key: { owner: 1 }, name: 'by_owner' },
    {
      key: { firstOwner: 1 },
      name: 'first_owner',
      unique: true,
      partialFilterExpression: { firstOwner: true },
    },
  ],
  jsonSchema: documentOf<MemberDoc>({
    _id: objectId,
    name: string,
    email: nullable(string),
    emailVouchedAt: optional(nullable(date)),
    owner: boolean,
    firstOwner: optional(boolean),
    roles: arrayOf(documentOf<MemberRole>({ appId: objectId, role: oneOf(ROLES), locales: optional(arrayOf(string)) })),
    createdAt: date,
    revokedAt: nullable(date),
  }),
};

/** What instances before had as the id of their first owner. */
const FIRST_OWNER_ONCE = ObjectId.createFromHexString('000000000000000000000001');

export const memberRole = (appId: ObjectId, role: Role, locales: readonly string[] | undefined): MemberRole => ({
  appId,
  role,
  ...(locales === undefined ? {} : { locales }),
});

export const roleOf = ({ roles }: MemberDoc, appId: ObjectId): MemberRole | undefined =>
  roles.find((role) => role.appId.equals(appId));

/** The address by which invitations find a member: what an owner of the instance stated. */
export const vouchedEmail = ({ email, emailVouchedAt = null }: MemberDoc): string | undefined =>
  email === null || emailVouchedAt === null ? undefined : comparable(email);

/** What the audit log is told of a role. */
export const roleFacts = ({ role, locales }: Pick<MemberRole, 'role' | 'locales'>) =>
  locales === undefined ? { role } : { role, locales };

export const rightsOf = ({ _id, owner, roles }: MemberDoc): Rights => ({
  id: _id.toHexString(),
  owner,
  roles: roles.map(({ appId, role }) => ({ appId: appId.toHexString(), role })),
});

export function members(db: Db) {
  const collection = db.collection<MemberDoc>(membersSpec.name);

  async function page(filter: Filter<MemberDoc>, { before, limit }: MemberPage): Promise<MemberDoc[]> {
    const older = before === undefined ? filter : { ...filter, _id: { $lt: before } };
    return collection.find(older).sort({ _id: -1 }).limit(limit).toArray();
  }

  return {
    async insert(session: ClientSession, doc: MemberDoc): Promise<void> {
      await collection.insertOne(doc, { session });
    },

    /** Nobody who was revoked. */
    async find(id: ObjectId, session?: ClientSession): Promise<MemberDoc | undefined> {
      const options = session === undefined ? {} : { session };
      return (await collection.findOne({ _id: id, revokedAt: null }, options)) ?? undefined;
    },

    /** Somebody with a role in this app. Whether there is such a member elsewhere is not looked at, so it cannot be told. */
    async findInApp(session: ClientSession, id: ObjectId, appId: ObjectId): Promise<MemberDoc | undefined> {
      return (await collection.findOne({ _id: id, 'roles.appId': appId, revokedAt: null }, { session })) ?? undefined;
    },

    /** Whom the first start made, also if they were revoked since. */
    async firstOwner(session: ClientSession): Promise<ObjectId | undefined> {
      const filter = { $or: [{ firstOwner: true }, { _id: FIRST_OWNER_ONCE }] };
      return (await collection.findOne(filter, { session, projection: { _id: 1 } }))?._id;
    },

    page: (paging: MemberPage): Promise<MemberDoc[]> => page({ revokedAt: null }, paging),

    ofApp: (appId: ObjectId, paging: MemberPage): Promise<MemberDoc[]> =>
      page({ 'roles.appId': appId, revokedAt: null }, paging),

    /** Idempotent: one role per app, the new one instead of the old. */
    async setRole(session: ClientSession, id: ObjectId, role: MemberRole): Promise<void> {
      await collection.updateOne({ _id: id }, { $pull: { roles: { appId: role.appId } } }, { session });
      await collection.updateOne({ _id: id }, { $push: { roles: role } }, { session });
    },

    /** Idempotent. */
    async removeRole(session: ClientSession, id: ObjectId, appId: ObjectId): Promise<void> {
      await collection.updateOne({ _id: id }, { $pull: { roles: { appId } } }, { session });
    },

    /** Setting the same twice changes nothing. */
    async change(session: ClientSession, id: ObjectId, change: MemberChange): Promise<void> {
      const $set = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
      await collection.updateOne({ _id: id }, { $set }, { session });
    },

    /** Idempotent: the first revocation stays. */
    async revoke(session: ClientSession, id: ObjectId, revokedAt: Date): Promise<void> {
      await collection.updateOne({ _id: id, revokedAt: null }, { $set: { revokedAt } }, { session });
    },

    /** Whether anybody but this one owns the app. Only sound in a transaction that holds the app's member lock. */
    async hasOtherOwner(session: ClientSession, appId: ObjectId, but: ObjectId): Promise<boolean> {
      const filter = { _id: { $ne: but }, roles: { $elemMatch: { appId, role: 'owner' as const } }, revokedAt: null };
      return (await collection.countDocuments(filter, { session, limit: 1 })) === 1;
    },

    /** The same for the instance, under the lock on its owners. */
    async hasOtherInstanceOwner(session: ClientSession, but: ObjectId): Promise<boolean> {
      const filter = { _id: { $ne: but }, owner: true, revokedAt: null };
      return (await collection.countDocuments(filter, { session, limit: 1 })) === 1;
    },
  };
}

export type Members = ReturnType<typeof members>;
