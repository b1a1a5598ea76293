import { REMEMBERED_BYTES } from '../domain/remembered.js';

const MIB = 1024 * 1024;

/**
 * What each cache and queue of this process may take, in bytes; together no more than 96 MiB. What does not fit is read,
 * computed or written once more: nothing here is needed for an answer to be right.
 */
export const CACHE_BYTES = {
  /** Keys that somebody has, each with its app. */
  appKeys: 8 * MIB,
  /** What came from which address: two sketches of fixed size, and who came last. */
  addresses: 3 * MIB,
  /** Who has sent something, and whether that was noted today. */
  people: 16 * MIB,
  /** Definitions of flags, compiled, of all apps. */
  flagDefinitions: 19 * MIB,
  /** Counts of answers until the next flush. */
  flagUsage: 4 * MIB,
  /** Sets on their way to the database. */
  flagWriteBack: 4 * MIB,
  /** Attributes that were given with a question and are on their way to the profile. */
  givenAttributes: 2 * MIB,
  /** Who was exposed to an experiment today. */
  exposures: 10 * MIB,
  exposuresWaiting: 6 * MIB,
  /** For whom the rule of a guarded rollout was noted lately. */
  rolloutProfiles: 10 * MIB,
  rolloutProfilesWaiting: 6 * MIB,
  /** What functions of the domain remember: lines of stacks, files, patterns. */
  remembered: 8 * REMEMBERED_BYTES,
} as const;

export type CacheName = keyof typeof CACHE_BYTES;

/** What each of them takes now. */
export type CacheSizes = Readonly<Partial<Record<CacheName, () => number>>>;
