import type { KeylessFlush, Spool } from '../db/spool.js';
import type { ErrorPipeline } from './errors.js';
import { flushResult, type FlushResult } from './flush-result.js';
import { type Ending, lastTransaction, type TransactionDeps } from './last-transaction.js';
import type { RolloutMarks } from './rollout-marks.js';
import { type LaneDeps, ownDocuments } from './take-over.js';
import { takeApart } from './take-apart.js';
import { together } from './together.js';
import { tried, unlessRefused } from './tries.js';

export interface StoreFlushInput {
  readonly flushId: string;
}

export interface StoreFlushesInput {
  readonly flushIds: readonly string[];
}

export interface StoreFlushesResult {
  readonly results: readonly FlushResult[];
  /** Flushes that were not finished here, each with the reason. */
  readonly left: readonly { readonly flushId: string; readonly reason: string }[];
}

export interface BatchDeps extends LaneDeps, TransactionDeps {
  readonly spool: Spool;
  readonly errors: ErrorPipeline;
  readonly rolloutMarks: RolloutMarks;
}

/** A local activity has eight seconds; what has not begun by then goes to a normal one. */
const QUICK_MS = 5_000;
const AT_ONCE = 2;
/** Of errors in one transaction, but for a flush that is larger alone. */
const MOST_TOGETHER_BYTES = 16 * 1024 * 1024;
/** A flush whose documents are stored, and what will come of it. */
interface Begun {
  readonly result: Promise<FlushResult>;
}

/** Storing what was acknowledged: the rules and the races behind them are in docs/adr/0005. */
export function batchActivities(deps: BatchDeps) {
  const { spool, profiles, errors, rolloutMarks, pauseMs, now } = deps;
  const { commit, probe } = lastTransaction(deps);
  // Flushes with errors mostly count for the same groups: those that wait share a transaction, and write each group once.
  const commitTogether = together(commit, ({ flush }) => flush.bytes?.errors?.length() ?? 0, MOST_TOGETHER_BYTES);

  // A try that gave up waiting may still be at it here: the next one waits for it instead of doing it all again.
  const underWay = new Map<string, Promise<Begun>>();

  /** Stores a flush's documents. What is left then is counting: at once, or with the flushes that wait for it too. */
  function begin(flushId: string, how = beginAnew): Promise<Begun> {
    const running = underWay.get(flushId);
    if (running) return running;
    const begun = how(flushId);
    const forget = () => underWay.delete(flushId);
    underWay.set(flushId, begun);
    begun.then(({ result }) => result).then(forget, forget);
    return begun;
  }

  async function beginAnew(flushId: string): Promise<Begun> {
    const flush = await spool.find(flushId);
    const owned = flush?.state === 'new' ? await ownDocuments(deps, flush, false) : null;
    // What was refused before must be kept with the end of the flush.
    if (owned?.refused) return { result: apart(flushId) };
    if (owned?.state !== 'new') return { result: Promise.resolve(flushResult(flushId, await spool.find(flushId))) };

    await profiles.touch(owned.touches ?? []);
    const ending = await endingOf(owned);
    const isCountedWithOthers = ending.prepared.length > 0;
    const ended = isCountedWithOthers ? commitTogether(ending) : commit([ending]).then(([first]) => first === true);
    const finish = async (): Promise<FlushResult> =>
      flushResult(flushId, (await ended) ? { ...owned, state: 'stored' } : await spool.find(flushId));
    if (isCountedWithOthers) return { result: finish() };
    return { result: Promise.resolve(await finish()) };
  }

  async function endingOf(flush: KeylessFlush): Promise<Ending> {
    const { bytes, rollups = [], writes = [] } = flush;
    const prepared = bytes?.errors ? await errors.prepare(bytes.errors.buffer) : [];
    const hits = await rolloutMarks.of({ rollups, events: bytes?.events.buffer ?? Buffer.alloc(0), prepared });
    return { flush, rollups, writes, prepared, hits, refused: [] };
  }

  const apart = (flushId: string): Promise<FlushResult> => takeApart(deps, { commit, probe }, flushId);

  return {
    /**
     * Stores a flush exactly once, however often, by however many and however late this is called. What it holds that
     * MongoDB does not take is set aside by itself.
     */
    async storeFlush({ flushId }: StoreFlushInput): Promise<FlushResult> {
      const whole = () => begin(flushId).then(({ result }) => result);
      const inParts = () => begin(flushId, async () => ({ result: apart(flushId) })).then(({ result }) => result);
      return unlessRefused(tried(whole, pauseMs), inParts);
    },

    /** Several flushes, each by itself: one that fails or finds no time is named in `left`. */
    async storeFlushes({ flushIds }: StoreFlushesInput): Promise<StoreFlushesResult> {
      const begun = now();
      const results: FlushResult[] = [];
      const left: { flushId: string; reason: string }[] = [];
      const queue = [...flushIds];
      const ending: Promise<void>[] = [];
      const leave = (flushId: string) => (error: unknown) => {
        left.push({ flushId, reason: String(error) });
      };
      const end = (flushId: string, result: Promise<FlushResult>): Promise<void> =>
        result.then((stored) => {
          results.push(stored);
        }, leave(flushId));
      const beginNext = async (): Promise<void> => {
        for (let flushId = queue.shift(); flushId !== undefined; flushId = queue.shift()) {
          if (now() - begun > QUICK_MS) left.push({ flushId, reason: 'no time left' });
          else {
            const begunOne = await begin(flushId).catch(leave(flushId));
            if (begunOne) ending.push(end(flushId, begunOne.result));
          }
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, beginNext));
      await Promise.all(ending);
      return { results, left };
    },

    /** Sets a flush aside whose bytes cannot be read. It keeps its claim and its documents. */
    failFlush: ({ flushId, reason }: StoreFlushInput & { readonly reason: string }): Promise<void> =>
      spool.markFailed(flushId, reason),
  };
}

export type BatchActivities = ReturnType<typeof batchActivities>;
