import type { Db, ObjectId } from 'mongodb';
import { type ErrorGroupDoc, errorGroupsSpec } from './error-groups.js';

export interface ReleaseGroupCounts {
  /** Groups that were seen in it. */
  readonly groups: number;
  /** Of them, those that were seen in no release before it. */
  readonly newGroups: number;
}

/** Beyond so many it is said to be so many: nobody reads further, and a count costs what it counts. */
const MOST_COUNTED = 10_000;

/** What errors a release brought, and had. Merged groups are counted as the one that stands for them. */
export function releaseGroups(db: Db) {
  const collection = db.collection<ErrorGroupDoc>(errorGroupsSpec.name);
  return {
    async counts(appId: ObjectId, version: string): Promise<ReleaseGroupCounts> {
      const seenIn = { appId, releases: version, mergedInto: null };
      const [groups, newGroups] = await Promise.all([
        collection.countDocuments(seenIn, { limit: MOST_COUNTED }),
        collection.countDocuments({ ...seenIn, 'releases.0': version }, { limit: MOST_COUNTED }),
      ]);
      return { groups, newGroups };
    },
  };
}

export type ReleaseGroups = ReturnType<typeof releaseGroups>;
