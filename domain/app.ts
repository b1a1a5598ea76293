import { DAY_MS } from './limits.js';

/** What each app may set for itself. The first three names are the seed's. */
export interface AppConfig {
  readonly eventRetentionDays: number;
  readonly heatmapRetentionDays: number;
  readonly maxEventsPerDay: number;
  /** Whether a client key must prove a profile id before it writes that profile or reads its flags. */
  readonly identityProof: boolean;
}

export const DEFAULT_APP_CONFIG: AppConfig = {
  eventRetentionDays: 90,
  heatmapRetentionDays: 30,
  maxEventsPerDay: 1_000_000,
  identityProof: false,
};

export const RETENTION_DAYS = { least: 1, most: 3650 } as const;
export const MAX_EVENTS_PER_DAY = { least: 0, most: 1_000_000_000_000 } as const;

/** The public name of an app: what URLs, SDKs and protobuf carry. */
export const APP_SLUG = '^[a-z0-9][a-z0-9-]{1,62}$';

/** The UTC day number that time-series documents carry in `meta.day`. */
export const utcDay = (epochMs: number): number => Math.floor(epochMs / DAY_MS);

/**
 * The first day that is kept: today and the `retentionDays` full days before it. Whole days only, since
 * that is what time-series collections can delete by.
 */
export const firstKeptDay = (nowMs: number, retentionDays: number): number => utcDay(nowMs) - retentionDays;

/**
 * When the collection itself may drop a document, in seconds: a day after the app that keeps longest would.
 * With no app yet it is the default's.
 */
export const outerBoundSeconds = (longestRetentionDays: number): number => (longestRetentionDays + 1) * (DAY_MS / 1000);
