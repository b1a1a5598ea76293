import { DAY_MS } from './limits.js';

/** What each app may set for itself. The first three names are the seed's. */
export interface AppConfig {
  readonly eventRetentionDays: number;
  readonly heatmapRetentionDays: number;
  readonly maxEventsPerDay: number;
  readonly maxSessionsPerDay: number;
  readonly maxFeedbackPerDay: number;
  /** Whether a client key must prove a profile id before it writes that profile or reads its flags. */
  readonly identityProof: boolean;
  readonly errors: ErrorConfig;
  readonly flags: FlagConfig;
}

/** What an app may set for its flags. */
export interface FlagConfig {
  /** Whether attributes that come with a question about flags are kept of the profile. A public key may give any. */
  readonly storeGivenAttributes: boolean;
  /** Whether a change of flags needs a second person. Taking something back never does. */
  readonly approval: boolean;
  /** A flag that nobody has asked for in so many days, or that is at 100 % for so long, is stale; 0: never. */
  readonly staleAfterDays: number;
}

/** What an app may set for its errors. */
export interface ErrorConfig {
  readonly maxErrorsPerDay: number;
  /** Releases that clients name first and nobody has told of; what runs beyond them is stored without one. */
  readonly maxNewReleasesPerDay: number;
  readonly retentionDays: number;
  /** Occurrences stored of one group: its first, a sample, and the newest. Counts stay exact beyond it. */
  readonly maxStoredPerGroup: number;
  /** Distinct profiles from which on a release counts as one, when nobody has declared it. */
  readonly releaseMinProfiles: number;
  /** Sessions on the fixed release, without the error, that prove a fix. */
  readonly proofOfFixSessions: number;
  /** How long an assigned group may lie before its assignee is reminded; 0: never. */
  readonly reminderHours: number;
  /** Groups that are quiet for so long are resolved; 0: never. */
  readonly autoResolveDays: number;
  readonly scrub: ScrubConfig;
  readonly filters: FilterConfig;
}

/** What is taken out of an error before it is stored; passwords, tokens and card numbers always are. */
export interface ScrubConfig {
  readonly emails: boolean;
  readonly ips: boolean;
  /** More key names whose values go. */
  readonly keys: readonly string[];
  /** More patterns, in RE2 syntax. */
  readonly patterns: readonly string[];
}

/** Which errors are not taken at all; how many is counted. */
export interface FilterConfig {
  readonly browserExtensions: boolean;
  readonly localhost: boolean;
  /** Globs of releases and of messages. */
  readonly releases: readonly string[];
  readonly messages: readonly string[];
}

const DEFAULT_ERROR_CONFIG: ErrorConfig = {
  maxErrorsPerDay: 1_000_000,
  maxNewReleasesPerDay: 200,
  retentionDays: 90,
  maxStoredPerGroup: 1_000,
  releaseMinProfiles: 3,
  proofOfFixSessions: 100,
  reminderHours: 72,
  autoResolveDays: 0,
  scrub: { emails: false, ips: false, keys: [], patterns: [] },
  filters: { browserExtensions: true, localhost: false, releases: [], messages: [] },
};

export const DEFAULT_APP_CONFIG: AppConfig = {
  eventRetentionDays: 90,
  heatmapRetentionDays: 30,
  maxEventsPerDay: 1_000_000,
  maxSessionsPerDay: 1_000_000,
  maxFeedbackPerDay: 10_000,
  identityProof: false,
  errors: DEFAULT_ERROR_CONFIG,
  flags: { storeGivenAttributes: false, approval: false, staleAfterDays: 30 },
};

export const RETENTION_DAYS = { least: 1, most: 3650 } as const;
export const MAX_EVENTS_PER_DAY = { least: 0, most: 1_000_000_000_000 } as const;

/** Of the numbers in `ErrorConfig` that are no retention and no quota. */
export const ERROR_CONFIG_BOUNDS = {
  maxNewReleasesPerDay: { least: 0, most: 10_000 },
  maxStoredPerGroup: { least: 10, most: 10_000 },
  releaseMinProfiles: { least: 1, most: 1_000_000 },
  proofOfFixSessions: { least: 1, most: 1_000_000_000 },
  reminderHours: { least: 0, most: 8_760 },
  autoResolveDays: { least: 0, most: 3_650 },
} as const;

export const STALE_AFTER_DAYS = { least: 0, most: 3_650 } as const;

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
