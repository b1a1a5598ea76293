import { ObjectId } from 'mongodb';
import type { SecretHashes } from '../db/secret-hashes.js';
import { hashSet } from './hash-set.js';
import { repeating } from './repeating.js';

export interface KnownSecrets {
  /** Whether somebody was given the key or token of this hash. It need not be live any more. */
  has(hash: string): boolean;
  /** Notes one that was found in another way. */
  add(hash: string): void;
  /** Whether all were read until a moment ago: what is not among them then was made this moment, or invented. */
  isUpToDate(): boolean;
}

interface Deps {
  readonly sources: readonly SecretHashes[];
  readonly log?: { debug(facts: object, message: string): void };
  /** Steady, in ms. */
  readonly clock?: () => number;
  /** The time of day, as ids have it. */
  readonly now?: () => number;
  readonly everyMs?: number;
}

const POLL_MS = 1_000;
const UP_TO_DATE_MS = 5_000;
/** Read at once, and then others have their turn. */
const PAGE = 2_000;
/** An id may be so much older than the commit that shows it, or the clock that made it so much behind. */
const LATE_MS = 60_000;
const NEVER = ObjectId.createFromTime(0);

/**
 * Of all keys and tokens there are, who knows their hashes knows what is invented, without asking the database. Read
 * from the first to the last at the start, and from then on by a poll each second. Dead ones stay: whoever holds one
 * is to hear that it is dead.
 */
export function knownSecrets(deps: Deps) {
  const { sources, log, clock = () => performance.now(), now = Date.now, everyMs = POLL_MS } = deps;
  const hashes = hashSet();
  const readers = sources.map(newest);
  let readAt = -Infinity;
  let isStopped = false;
  let stop = (): Promise<void> => Promise.resolve();

  /** Reads what is new in a source since the last time, and once more what may have come late. */
  function newest(source: SecretHashes) {
    let last = NEVER;
    let late = NEVER;

    return async (): Promise<void> => {
      const lateNow = ObjectId.createFromTime(Math.max(0, Math.floor((now() - LATE_MS) / 1_000)));
      let from = isBefore(last, late) ? last : late;
      for (;;) {
        const page = await source.after(from, PAGE);
        if (isStopped) return;
        for (const { hash } of page) hashes.add(hash);
        late = lateNow;
        from = page.at(-1)?._id ?? from;
        if (isBefore(last, from)) last = from;
        if (page.length < PAGE) return;
      }
    };
  }

  async function readNewest(): Promise<void> {
    const at = clock();
    await Promise.all(readers.map((read) => read()));
    if (!isStopped) readAt = at;
  }

  return {
    has: hashes.has,
    add: hashes.add,
    isUpToDate: (): boolean => clock() - readAt < UP_TO_DATE_MS,

    /** Resolves when all there are have been read, or could not be. */
    async start(): Promise<void> {
      const polls = repeating(everyMs, readNewest, (err) => log?.debug({ err }, 'new keys and tokens not read yet'));
      stop = () => polls.stop();
      await polls.now();
    },

    async stop(): Promise<void> {
      isStopped = true;
      await stop();
    },
  };
}

const isBefore = (one: ObjectId, other: ObjectId): boolean => one.toHexString() < other.toHexString();
