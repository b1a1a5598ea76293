import type { ClientSession, Db, ObjectId } from 'mongodb';
import type { CollectionSpec } from './collection.js';
import { date, documentOf, nullable, objectId, string } from './json-schema.js';
import { type MemberDoc, membersSpec } from './members.js';

export interface MemberTokenDoc {
  readonly _id: ObjectId;
  readonly memberId: ObjectId;
  readonly name: string;
  /** SHA-256 of the token, hex. The token itself is nowhere. */
  readonly hash: string;
  readonly prefix: string;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
}

export interface TokenAndMember {
  readonly token: MemberTokenDoc;
  readonly member: MemberDoc;
}

export const memberTokensSpec: CollectionSpec = {
  name: 'member_tokens',
  indexes: [
    { key: { hash: 1 }, name: 'by_hash', unique: true },
    { key: { memberId: 1, _id: -1 }, name: 'by_member' },
  ],
  jsonSchema: documentOf<MemberTokenDoc>({
    _id: objectId,
    memberId: objectId,
    name: string,
    hash: string,
    prefix: string,
    createdAt: date,
    expiresAt: nullable(date),
    revokedAt: nullable(date),
    lastUsedAt: nullable(date),
  }),
};

const TOUCH_EVERY_MS = 60_000;

export function memberTokens(db: Db) {
  const collection = db.collection<MemberTokenDoc>(memberTokensSpec.name);

  return {
    /** Once: by the unique hash. */
    async insert(session: ClientSession, doc: MemberTokenDoc): Promise<void> {
      await collection.insertOne(doc, { session });
    },

    /** The token and whose it is, in one round trip. */
    async findWithMember(hash: string): Promise<TokenAndMember | undefined> {
      const [found] = await collection
        .aggregate<MemberTokenDoc & { readonly member: readonly MemberDoc[] }>([
          { $match: { hash } },
          { $lookup: { from: membersSpec.name, localField: 'memberId', foreignField: '_id', as: 'member' } },
        ])
        .toArray();
      const member = found?.member[0];
      return found === undefined || member === undefined ? undefined : { token: found, member };
    },

    async find(memberId: ObjectId, tokenId: ObjectId, session: ClientSession): Promise<MemberTokenDoc | undefined> {
      return (await collection.findOne({ _id: tokenId, memberId }, { session })) ?? undefined;
    },

    async findByHash(session: ClientSession, hash: string): Promise<MemberTokenDoc | undefined> {
      return (await collection.findOne({ hash }, { session })) ?? undefined;
    },

    /** Newest first. */
    async page(memberId: ObjectId, { before, limit }: TokenPage): Promise<MemberTokenDoc[]> {
      const filter = before === undefined ? { memberId } : { memberId, _id: { $lt: before } };
      return collection.find(filter).sort({ _id: -1 }).limit(limit).toArray();
    },

    /** Idempotent: the first revocation stays. */
    async revoke(session: ClientSession, tokenId: ObjectId, revokedAt: Date): Promise<void> {
      await collection.updateOne({ _id: tokenId, revokedAt: null }, { $set: { revokedAt } }, { session });
    },

    /** Notes a use, at most once a minute over all processes. Nothing depends on it. */
    async touch(tokenId: ObjectId, at: Date): Promise<void> {
      const stale = new Date(at.getTime() - TOUCH_EVERY_MS);
      await collection.updateOne(
        { _id: tokenId, $or: [{ lastUsedAt: null }, { lastUsedAt: { $lt: stale } }] },
        { $set: { lastUsedAt: at } },
        { writeConcern: { w: 1 } },
      );
    },
  };
}

export interface TokenPage {
  readonly before?: ObjectId | undefined;
  readonly limit: number;
}

export type MemberTokens = ReturnType<typeof memberTokens>;
