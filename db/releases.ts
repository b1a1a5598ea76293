import type { ObjectId } from 'mongodb';
import type { CollectionSpec } from './collection.js';
import { boolean, date, documentOf, nullable, number, objectId, oneOf, optional, string } from './json-schema.js';

export const DECLARED_BY = ['deploy', 'upload', 'seen'] as const;

export interface ReleaseDoc {
  readonly appId: ObjectId;
  readonly version: string;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
  /** Since when it counts as a release: only a declared one can be the latest or reopen a group. */
  readonly declaredAt: Date | null;
  readonly declaredBy?: (typeof DECLARED_BY)[number];
  /** Distinct ones, counted until the release is declared. */
  readonly profiles: number;
}

export const releasesSpec: CollectionSpec = {
  name: 'releases',
  indexes: [
    { key: { appId: 1, version: 1 }, name: 'once_per_app', unique: true },
    { key: { appId: 1, firstSeen: -1 }, name: 'by_app_first_seen' },
  ],
  jsonSchema: documentOf<ReleaseDoc>({
    appId: objectId,
    version: string,
    firstSeen: date,
    lastSeen: date,
    declaredAt: nullable(date),
    declaredBy: optional(oneOf(DECLARED_BY)),
    profiles: number,
  }),
};

/** That a profile ran a release; by sessions, and by errors until the release is declared. */
export interface ReleaseProfileDoc {
  readonly appId: ObjectId;
  readonly release: string;
  readonly profileId: ObjectId;
  /** In any of its sessions on it. */
  readonly crashed: boolean;
}

export const releaseProfilesSpec: CollectionSpec = {
  name: 'release_profiles',
  indexes: [{ key: { appId: 1, release: 1, profileId: 1 }, name: 'once_per_release', unique: true }],
  jsonSchema: documentOf<ReleaseProfileDoc>({
    appId: objectId,
    release: string,
    profileId: objectId,
    crashed: boolean,
  }),
};
