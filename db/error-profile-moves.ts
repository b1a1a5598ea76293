import type { ClientSession, Db, MongoClient, ObjectId } from 'mongodb';
import { isDuplicateKey } from './duplicate-key.js';
import { type ErrorGroupProfileDoc, errorGroupProfilesSpec } from './error-group-profiles.js';
import { type ErrorGroupDoc, errorGroupsSpec, type ProfileMoveDoc } from './error-groups.js';

interface Deps {
  readonly client: MongoClient;
  readonly db: Db;
}

/** Small, so that who counts for the same group seldom has to begin again because of it. */
const ROWS_A_STEP = 500;

type Moving = Pick<ErrorGroupDoc, '_id' | 'mergedInto' | 'profileMove' | 'ignore'>;
const MOVING = { mergedInto: 1, profileMove: 1, ignore: 1 } as const;

/**
 * Brings `affectedProfiles` to what a merge or an unmerge made of it. A group's count is at all times the number of its
 * rows, since rows and count change in one transaction; the steps may be interrupted and run twice at once.
 */
export function errorProfileMoves({ client, db }: Deps) {
  const groups = db.collection<ErrorGroupDoc>(errorGroupsSpec.name);
  const rows = db.collection<ErrorGroupProfileDoc>(errorGroupProfilesSpec.name);

  const count = async (group: Moving, by: number, session: ClientSession): Promise<void> => {
    if (by === 0) return;
    // "N more profiles" means more than there were, not those who came along or went.
    const shift = group.ignore !== null && group.ignore.profiles !== null && { 'ignore.profiles': by };
    await groups.updateOne({ _id: group._id }, { $inc: { affectedProfiles: by, ...shift } }, { session });
  };

  const nextRows = ({ _id, profileMove }: Moving, session: ClientSession) => {
    const after = profileMove?.after ?? null;
    const filter = after === null ? { groupId: _id } : { groupId: _id, profileId: { $gt: after } };
    return rows.find(filter, { session }).sort({ profileId: 1 }).limit(ROWS_A_STEP).toArray();
  };

  /** Takes away what came by merging. Behind the watermark only those who are merged now write such rows. */
  async function clear(group: Moving, session: ClientSession): Promise<ProfileMoveDoc | undefined> {
    const chunk = await nextRows(group, session);
    const borrowed = chunk.filter(({ own }) => !own).map(({ profileId }) => profileId);
    if (borrowed.length > 0) {
      const gone = { groupId: group._id, profileId: { $in: borrowed }, own: false };
      const { deletedCount } = await rows.deleteMany(gone, { session });
      await count(group, -deletedCount, session);
    }
    const last = chunk.at(-1);
    if (last !== undefined && chunk.length === ROWS_A_STEP) return { phase: 'clear', after: last.profileId };
    await groups.updateMany(
      { mergedInto: group._id, 'profileMove.phase': { $ne: 'clear' } },
      { $set: { profileMove: { phase: 'copy', after: null } } },
      { session },
    );
    return group.mergedInto === null ? undefined : { phase: 'copy', after: null };
  }

  async function copy(group: Moving, session: ClientSession): Promise<ProfileMoveDoc | undefined> {
    if (group.mergedInto === null) return undefined;
    const survivor = await groups.findOne<Moving>({ _id: group.mergedInto }, { session, projection: MOVING });
    if (survivor === null) return undefined;
    const chunk = await nextRows(group, session);
    const own = chunk.filter((row) => row.own);
    if (own.length > 0) {
      const { upsertedCount } = await rows.bulkWrite(
        own.map(({ profileId, appId }) => ({
          updateOne: {
            filter: { groupId: survivor._id, profileId },
            update: { $setOnInsert: { appId, own: false } },
            upsert: true,
          },
        })),
        { session, ordered: false },
      );
      await count(survivor, upsertedCount, session);
    }
    const last = chunk.at(-1);
    return last !== undefined && chunk.length === ROWS_A_STEP ? { phase: 'copy', after: last.profileId } : undefined;
  }

  const step = (groupId: ObjectId): Promise<void> =>
    client.withSession((session) =>
      session.withTransaction(
        async () => {
          const group = await groups.findOne<Moving>({ _id: groupId }, { session, projection: MOVING });
          if (group?.profileMove === undefined) return;
          const next = await (group.profileMove.phase === 'clear' ? clear(group, session) : copy(group, session));
          const update =
            next === undefined ? { $unset: { profileMove: '' as const } } : { $set: { profileMove: next } };
          await groups.updateOne({ _id: groupId }, update, { session });
        },
        { readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority', journal: true } },
      ),
    );

  return {
    /**
     * One step of what is to be moved around a group: for it, the group that stands for it, and all that one stands
     * for. False when nothing is left.
     */
    async step(groupId: ObjectId): Promise<boolean> {
      const group = await groups.findOne({ _id: groupId }, { projection: { mergedInto: 1 } });
      const root = group?.mergedInto ?? groupId;
      const around = { $or: [{ _id: { $in: [groupId, root] } }, { mergedInto: root }] };
      const next = await groups.findOne({ ...around, profileMove: { $exists: true } }, { projection: { _id: 1 } });
      if (next === null) return false;
      try {
        await step(next._id);
      } catch (error) {
        // Whoever counts has inserted the same row at this moment: the next step sees it.
        if (!isDuplicateKey(error, 'profileId')) throw error;
      }
      return true;
    },
  };
}

export type ErrorProfileMoves = ReturnType<typeof errorProfileMoves>;
