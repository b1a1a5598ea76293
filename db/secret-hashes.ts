import type { Db, ObjectId } from 'mongodb';
import type { AppKeyDoc } from './app-keys.js';
import type { CollectionSpec } from './collection.js';
import type { InvitationDoc } from './invitations.js';
import type { MemberTokenDoc } from './member-tokens.js';

/** Of a key, a token or an invitation, and all that may be held of very many. */
export type SecretHash = Pick<AppKeyDoc & MemberTokenDoc & InvitationDoc, '_id' | 'hash'>;

/** The hashes of all secrets that a collection has, living and dead. */
export function secretHashes(db: Db, { name }: CollectionSpec) {
  const collection = db.collection<SecretHash>(name);

  return {
    /** By `_id`, so in the order they were made, or nearly so. */
    after(id: ObjectId, limit: number): Promise<SecretHash[]> {
      const made = collection.find({ _id: { $gt: id } }, { projection: { hash: 1 } });
      return made.sort({ _id: 1 }).limit(limit).toArray();
    },
  };
}

export type SecretHashes = ReturnType<typeof secretHashes>;
