import type { ObjectId } from 'mongodb';
import type { CollectionSpec } from './collection.js';
import { boolean, documentOf, objectId } from './json-schema.js';

/**
 * That an error hit a profile: a row for the fingerprint's own group and, where that is merged, one for the group that
 * stands for it. Whoever really inserts a row adds one to that group's `affectedProfiles` in the same transaction.
 */
export interface ErrorGroupProfileDoc {
  readonly groupId: ObjectId;
  readonly profileId: ObjectId;
  readonly appId: ObjectId;
  /** Whether the group's own fingerprint hit it; false: only one that was merged into it. */
  readonly own: boolean;
}

export const errorGroupProfilesSpec: CollectionSpec = {
  name: 'error_group_profiles',
  indexes: [{ key: { groupId: 1, profileId: 1 }, name: 'once_per_group', unique: true }],
  jsonSchema: documentOf<ErrorGroupProfileDoc>({
    groupId: objectId,
    profileId: objectId,
    appId: objectId,
    own: boolean,
  }),
};
