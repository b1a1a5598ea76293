import { type Accepted, type Batch, batchSize } from '../../db/batch.js';
import type { Claim, FlushSummary } from '../../db/claim.js';
import { PlatformError } from '../../domain/errors.js';
import { guarded } from '../../domain/guarded.js';
import { LIMITS } from '../../domain/limits.js';
import { PATIENCE_MS } from '../patience.js';
import { repeating } from '../repeating.js';

interface Deps {
  readonly claim: (batches: readonly Batch[], now: Date) => Promise<Claim>;
  /** Told of each flush that is on disk and waits to be stored. */
  readonly onFlushed: (flush: FlushSummary) => void;
  readonly now?: () => number;
  readonly log?: { error(facts: object, message: string): void };
}

interface Waiter {
  readonly batch: Batch;
  readonly since: number;
  readonly resolve: (accepted: Accepted) => void;
  readonly reject: (error: unknown) => void;
}

/** Twenty flushes a second at most, unless they are full: ten for each of the two workflows started in a second. */
const PACE_MS = 50;
const AT_ONCE = 2;
const MOST_WAITING_BYTES = 64 * 1024 * 1024;

const unavailable = (why: string) => new PlatformError('UNAVAILABLE', why, { retryAfterSeconds: 2 });

/**
 * Group commit: the requests that wait at one moment go to the spool as one flush, and are answered when a majority
 * has it on disk. One write then serves many requests, and memory stays bounded.
 */
export function groupCommit({ claim, onFlushed, now = Date.now, log }: Deps) {
  const fault = (err: unknown): void => log?.error({ err }, 'group commit goes on after a fault');
  // What is on disk is answered as such, whatever becomes of telling of it: the sweep finds it.
  const tellFlushed = guarded(onFlushed, fault);
  let waiting: Waiter[] = [];
  let waitingItems = 0;
  let waitingBytes = 0;
  const flushing = new Set<Promise<void>>();
  const answerable = new Set<Waiter>();
  // By the clock that nobody sets: one that is set back would stop the pace until it has caught up.
  let lastFlushAt = -PACE_MS;
  let timer: NodeJS.Timeout | undefined;

  function uncount(gone: readonly Waiter[]): void {
    for (const { batch } of gone) {
      waitingItems -= batchSize(batch);
      waitingBytes -= batch.bytes;
    }
  }

  function take(): Waiter[] {
    let items = 0;
    let bytes = 0;
    let count = 0;
    for (const { batch } of waiting) {
      items += batchSize(batch);
      bytes += batch.bytes;
      // A request alone always fits: its own limits are those of a flush.
      if (count > 0 && (items > LIMITS.batchItems || bytes > LIMITS.inflatedBytes)) break;
      count++;
    }
    const taken = waiting.slice(0, count);
    waiting = waiting.slice(count);
    uncount(taken);
    return taken;
  }

  async function flush(taken: readonly Waiter[]): Promise<void> {
    try {
      const { flush: stored, outcomes } = await claim(
        taken.map(({ batch }) => batch),
        new Date(now()),
      );
      if (stored) tellFlushed(stored);
      taken.forEach((waiter, index) => {
        const outcome = outcomes[index];
        if (outcome === undefined || outcome instanceof PlatformError) waiter.reject(outcome);
        else waiter.resolve(outcome);
      });
    } catch (error) {
      for (const waiter of taken) waiter.reject(error);
    } finally {
      for (const waiter of taken) answerable.delete(waiter);
    }
  }

  function flushNext(): void {
    timer = undefined;
    if (waiting.length === 0 || flushing.size >= AT_ONCE) return;
    const full = waitingItems >= LIMITS.batchItems || waitingBytes >= LIMITS.inflatedBytes;
    const wait = lastFlushAt + PACE_MS - performance.now();
    if (!full && wait > 0) {
      timer = setTimeout(pump, wait);
      return;
    }
    lastFlushAt = performance.now();
    const running = flush(take()).finally(() => {
      flushing.delete(running);
      schedule();
    });
    flushing.add(running);
    schedule();
  }
  const pump = guarded(flushNext, fault);

  /** A timer that is set looks again by itself, but a full flush need not wait for it. */
  function schedule(): void {
    if (timer !== undefined) clearTimeout(timer);
    timer = setTimeout(pump, 0);
  }

  function refuseStale(): void {
    const limit = performance.now() - PATIENCE_MS;
    for (const waiter of answerable) {
      if (waiter.since > limit) break;
      answerable.delete(waiter);
      waiter.reject(unavailable('the database does not answer'));
    }
    // What was refused must not be taken later: the client sends it again anyway.
    const stale = waiting.filter(({ since }) => since <= limit);
    if (stale.length === 0) return;
    waiting = waiting.filter(({ since }) => since > limit);
    uncount(stale);
  }
  const impatience = repeating(250, refuseStale, fault);

  return {
    /** @throws PlatformError UNAVAILABLE where the spool does not take it in time or too much waits already */
    submit(batch: Batch): Promise<Accepted> {
      if (waitingBytes + batch.bytes > MOST_WAITING_BYTES) throw unavailable('too much waits already');
      return new Promise((resolve, reject) => {
        const waiter = { batch, since: performance.now(), resolve, reject };
        waiting.push(waiter);
        answerable.add(waiter);
        waitingItems += batchSize(batch);
        waitingBytes += batch.bytes;
        if (timer === undefined || waitingItems >= LIMITS.batchItems) schedule();
      });
    },

    /** Resolves when nothing waits any more; for a stop, after the last request was let in. */
    async drain(): Promise<void> {
      while (waiting.length > 0 || flushing.size > 0) {
        await Promise.race([...flushing, new Promise((resolve) => setTimeout(resolve, 10))]);
      }
      await impatience.stop();
    },

    waitingBytes: (): number => waitingBytes,
  };
}

export type GroupCommit = ReturnType<typeof groupCommit>;
