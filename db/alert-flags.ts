import type { Db, ObjectId } from 'mongodb';
import { type FlagDoc, flagsSpec } from './flags.js';
import { type MemberDoc, membersSpec } from './members.js';

/** A flag as an alert tells of it. */
export interface AlertedFlag extends Pick<FlagDoc, 'key' | 'description' | 'enabled'> {
  readonly killed: boolean;
  /** Whom people may ask; null where it has no owner, or one who was revoked. */
  readonly owner: string | null;
}

/** What alerts read of flags. */
export function alertFlags(db: Db) {
  const flags = db.collection<FlagDoc>(flagsSpec.name);
  const members = db.collection<MemberDoc>(membersSpec.name);
  return {
    async find(appId: ObjectId, key: string): Promise<AlertedFlag | undefined> {
      const flag = await flags.findOne({ appId, key });
      if (flag === null) return undefined;
      const owner = flag.owner && (await members.findOne({ _id: flag.owner, revokedAt: null }));
      const { description, enabled, killedAt = null } = flag;
      return { key, description, enabled, killed: killedAt !== null, owner: owner?.name ?? null };
    },
  };
}

export type AlertFlags = ReturnType<typeof alertFlags>;
