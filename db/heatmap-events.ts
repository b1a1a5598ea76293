import type { ObjectId } from 'mongodb';
import type { CollectionSpec } from './collection.js';
import { BY_META, type SeriesMeta } from './events.js';

export interface HeatmapDoc {
  readonly timestamp: Date;
  readonly meta: SeriesMeta;
  readonly _id: ObjectId;
  readonly appId: ObjectId;
  readonly profileId: ObjectId;
  readonly sessionId: string;
  readonly pageUrl: string;
  readonly timestampMs: number;
  readonly receivedAt: Date;
  readonly x: number;
  readonly y: number;
  readonly viewportWidth: number;
  readonly viewportHeight: number;
}

export const heatmapEventsSpec: CollectionSpec = {
  name: 'heatmap_events',
  options: { timeseries: { timeField: 'timestamp', metaField: 'meta' }, expireAfterSeconds: 31 * 86_400 },
  indexes: [{ key: { appId: 1, pageUrl: 1, timestampMs: 1 }, name: 'by_app_page_time' }, BY_META],
};
