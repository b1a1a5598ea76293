import type { ObjectId } from 'mongodb';
import type { PageContext } from '../domain/contexts.js';
import type { ElementContext, EventType } from '../domain/event.js';
import type { CollectionSpec } from './collection.js';

/** What both time-series collections cluster by; also what retention deletes by. */
export interface SeriesMeta {
  readonly appId: ObjectId;
  /** UTC day number of `timestamp`. */
  readonly day: number;
}

/** One entry a bucket: retention and take-overs look by app and day, and would read every bucket without it. */
export const BY_META = { key: { 'meta.appId': 1, 'meta.day': 1 }, name: 'by_meta' } as const;

/** A field that is undefined is left out of the stored document. */
export interface EventDoc {
  readonly timestamp: Date;
  readonly meta: SeriesMeta;
  readonly _id: ObjectId;
  readonly eventId: string;
  readonly appId: ObjectId;
  readonly profileId: ObjectId;
  readonly sessionId: string;
  readonly timestampMs: number;
  readonly receivedAt: Date;
  readonly eventType: EventType;
  readonly eventName?: string | undefined;
  readonly pageUrl: string;
  readonly elementTid: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly measures?: Readonly<Record<string, number>> | undefined;
  readonly pageContext?: PageContext | undefined;
  readonly elementContext?: ElementContext | undefined;
}

export const eventsSpec: CollectionSpec = {
  name: 'events',
  options: { timeseries: { timeField: 'timestamp', metaField: 'meta' }, expireAfterSeconds: 91 * 86_400 },
  indexes: [
    { key: { appId: 1, timestampMs: 1 }, name: 'by_app_time' },
    { key: { appId: 1, eventType: 1 }, name: 'by_app_type' },
    { key: { sessionId: 1 }, name: 'by_session' },
    BY_META,
  ],
};
