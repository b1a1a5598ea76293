import type { ObjectId } from 'mongodb';
import type { SessionStatus } from '../domain/statement.js';
import type { CollectionSpec } from './collection.js';
import { date, documentOf, number, objectId, oneOf, string } from './json-schema.js';

/** From the best to the worst: of two statements on one session the worse one wins. */
export const SESSION_STATUSES = ['ok', 'errored', 'abnormal', 'crashed'] as const satisfies readonly SessionStatus[];

/** What a client says of one session, or of many that it has counted itself. */
export type SessionWrite =
  | {
      readonly type: 'session';
      readonly appId: ObjectId;
      readonly sid: string;
      readonly release: string;
      readonly environment: string;
      readonly status: SessionStatus;
      readonly at: Date;
      readonly profileId: ObjectId | null;
    }
  | {
      readonly type: 'sessions';
      readonly appId: ObjectId;
      readonly release: string;
      readonly environment: string;
      readonly at: Date;
      readonly counts: Readonly<Record<SessionStatus, number>>;
    };

/** One session that is stated by its id, until nobody states it any more. */
export interface ReleaseSessionDoc {
  /** `<hex of appId>/<sid>`. */
  readonly _id: string;
  readonly appId: ObjectId;
  readonly release: string;
  readonly environment: string;
  readonly day: number;
  readonly status: SessionStatus;
  readonly expiresAt: Date;
}

export const releaseSessionsSpec: CollectionSpec = {
  name: 'release_sessions',
  indexes: [{ key: { expiresAt: 1 }, name: 'expiry', expireAfterSeconds: 0 }],
  jsonSchema: documentOf<ReleaseSessionDoc>({
    _id: string,
    appId: objectId,
    release: string,
    environment: string,
    day: number,
    status: oneOf(SESSION_STATUSES),
    expiresAt: date,
  }),
};

/** Sessions of a release by the UTC day they began on. */
export interface ReleaseDayDoc {
  readonly appId: ObjectId;
  readonly release: string;
  readonly environment: string;
  readonly day: number;
  readonly ok: number;
  readonly errored: number;
  readonly abnormal: number;
  readonly crashed: number;
}

export const releaseDaysSpec: CollectionSpec = {
  name: 'release_days',
  indexes: [{ key: { appId: 1, release: 1, environment: 1, day: 1 }, name: 'once_per_day', unique: true }],
  jsonSchema: documentOf<ReleaseDayDoc>({
    appId: objectId,
    release: string,
    environment: string,
    day: number,
    ok: number,
    errored: number,
    abnormal: number,
    crashed: number,
  }),
};
