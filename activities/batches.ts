import type { Db, MongoClient } from 'mongodb';
import type { StoredErrors } from '../db/error-store.js';
import { type Lanes, laneWasTaken } from '../db/lane.js';
import { eventsSpec } from '../db/events.js';
import { heatmapEventsSpec } from '../db/heatmap-events.js';
import { isPoison } from '../db/poison.js';
import type { Retention } from '../db/retention.js';
import type { Rollups } from '../db/rollups.js';
import { positions, recount, seriesItems, storedIds } from '../db/series.js';
import type { FlushDoc, KeylessFlush, Spool } from '../db/spool.js';
import { firstKeptDay } from '../domain/app.js';
import { PlatformError } from '../domain/errors.js';
import type { ErrorPipeline, PreparedErrors } from './errors.js';
import { flushWrites, type WriteDeps } from './flush-writes.js';
import type { RolloutMarks } from './rollout-marks.js';
import { together } from './together.js';

export interface StoreFlushInput {
  readonly flushId: string;
}

export interface StoreFlushesInput {
  readonly flushIds: readonly string[];
}

export interface FlushResult {
  readonly flushId: string;
  readonly state: 'stored' | 'failed' | 'unknown';
  /** Items that the flush owns, less those past their retention. */
  readonly stored: number;
  readonly expired: number;
}

export interface StoreFlushesResult {
  readonly results: readonly FlushResult[];
  /** Flushes that were not finished here, each with the reason. */
  readonly left: readonly { readonly flushId: string; readonly reason: string }[];
}

export interface BatchDeps extends WriteDeps {
  readonly client: MongoClient;
  readonly db: Db;
  readonly spool: Spool;
  readonly lanes: Lanes;
  readonly rollups: Rollups;
  readonly retention: Pick<Retention, 'apps'>;
  readonly errors: ErrorPipeline;
  readonly rolloutMarks: RolloutMarks;
  /** Told when there is something to tell people; must not throw, and a call that is lost is made good by a schedule. */
  readonly onAlerts: () => void;
}

const LISTS = ['events', 'heatmap'] as const;
type List = (typeof LISTS)[number];
const COLLECTIONS: Readonly<Record<List, string>> = { events: eventsSpec.name, heatmap: heatmapEventsSpec.name };

/** mongod forgets a lane 30 minutes after its last use; half of that is left for a command that travels slowly. */
const LANE_TRUSTED_MS = 15 * 60_000;
/** A local activity has eight seconds; what has not begun by then goes to a normal one. */
const QUICK_MS = 5_000;
const AT_ONCE = 2;
/** Of errors in one transaction, but for a flush that is larger alone. */
const MOST_TOGETHER_BYTES = 16 * 1024 * 1024;

/** A flush whose documents are stored, and what will come of it. */
interface Begun {
  readonly result: Promise<FlushResult>;
}

/** A flush whose documents are stored and which is to be counted. */
interface Counting {
  readonly flush: KeylessFlush;
  readonly prepared: readonly PreparedErrors[];
  readonly hits: Awaited<ReturnType<RolloutMarks['of']>>;
  readonly weight: number;
}

/** Storing what was acknowledged: the rules and the races behind them are in docs/adr/0005. */
export function batchActivities(deps: BatchDeps) {
  const { client, spool, rollups, profiles, errors, rolloutMarks, onAlerts, now } = deps;
  const write = flushWrites(deps);
  // Flushes with errors mostly count for the same groups: those that wait share a transaction, and write each group once.
  const countTogether = together(count, ({ weight }) => weight, MOST_TOGETHER_BYTES);

  // A try that gave up waiting may still be at it here: the next one waits for it instead of doing it all again.
  const underWay = new Map<string, Promise<Begun>>();

  /** Stores a flush exactly once, however often, by however many and however late this is called. */
  const storeFlush = async ({ flushId }: StoreFlushInput): Promise<FlushResult> => (await begin(flushId)).result;

  /** Stores a flush's documents. What is left then is counting: at once, or with the flushes that wait for it too. */
  function begin(flushId: string): Promise<Begun> {
    const running = underWay.get(flushId);
    if (running) return running;
    const begun = beginAnew(flushId);
    const forget = () => underWay.delete(flushId);
    underWay.set(flushId, begun);
    begun.then(({ result }) => result).then(forget, forget);
    return begun;
  }

  async function beginAnew(flushId: string): Promise<Begun> {
    const flush = await spool.find(flushId);
    const owned = flush?.state === 'new' ? await poisonNamed(flushId, ownDocuments(deps, flush)) : null;
    if (owned?.state !== 'new') return { result: Promise.resolve(resultOf(flushId, await spool.find(flushId))) };

    await profiles.touch(owned.touches ?? []);
    const pending = owned.bytes?.errors?.buffer;
    const prepared = pending ? await errors.prepare(pending) : [];
    const counting = {
      flush: owned,
      prepared,
      hits: await rolloutMarks.of(owned, prepared),
      weight: pending?.length ?? 0,
    };
    const finishing = pending ? countTogether(counting) : count([counting]).then(([finished]) => finished === true);
    const finish = async (): Promise<FlushResult> => {
      const finished = await poisonNamed(flushId, finishing);
      return resultOf(flushId, finished ? { ...owned, state: 'stored' } : await spool.find(flushId));
    };
    if (pending) return { result: finish() };
    return { result: Promise.resolve(await finish()) };
  }

  /**
   * All that is counted of some flushes, in one transaction with their ends; false for those that somebody else has
   * ended or taken over.
   */
  async function count(countings: readonly Counting[]): Promise<boolean[]> {
    let stored: readonly StoredErrors[] = [];
    let marked: Counting['hits'][number][] = [];
    let finished: boolean[] = [];
    await client.withSession((session) =>
      session.withTransaction(
        async () => {
          finished = [];
          marked = [];
          const prepared: PreparedErrors[] = [];
          for (const { flush, prepared: own, hits } of countings) {
            const mine = await spool.markStored(flush, new Date(now()), session);
            finished.push(mine);
            if (!mine) continue;
            await rollups.add(flush._id, flush.rollups ?? [], session);
            await write(flush.writes ?? [], session);
            prepared.push(...own);
            marked.push(...hits);
          }
          stored = await errors.store(prepared, session);
          await rolloutMarks.store(marked, session);
        },
        { readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority', journal: true } },
      ),
    );
    rolloutMarks.committed(marked);
    if (errors.committed(stored) > 0) onAlerts();
    return finished;
  }

  return {
    storeFlush,

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

    /** Sets a flush aside that mongod refuses for ever. It keeps its claim and its documents. */
    failFlush: ({ flushId, reason }: StoreFlushInput & { readonly reason: string }): Promise<void> =>
      spool.markFailed(flushId, reason),
  };
}

export type BatchActivities = ReturnType<typeof batchActivities>;

/** Says by name that mongod or the driver will never take a flush, so that it is set aside and not tried for ever. */
async function poisonNamed<T>(flushId: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isPoison(error)) throw error;
    throw new PlatformError('FLUSH_POISONED', `mongod refuses ${flushId}: ${String(error)}`, { cause: error });
  }
}

/** The flush with all its documents stored, by the first owner's way or by a new owner's. */
async function ownDocuments(deps: BatchDeps, flush: KeylessFlush): Promise<KeylessFlush | null> {
  const untouched = flush.epoch === 0 && (await insertOnce(deps, flush));
  return untouched ? flush : takeOver(deps, flush._id);
}

/**
 * The first owner's way: no look-up, the same bytes in the same lanes at each try.
 * False where the flush is too old to trust its lanes, or somebody has taken it over.
 */
async function insertOnce({ lanes, now }: BatchDeps, flush: KeylessFlush): Promise<boolean> {
  for (const list of LISTS) {
    const bytes = flush.bytes?.[list].buffer;
    if (!bytes?.length) continue;
    if (now() - flush.at.getTime() > LANE_TRUSTED_MS) return false;
    try {
      await lanes.use(flush.lanes[list], (lane) => lane.insert(1, COLLECTIONS[list], bytes));
    } catch (error) {
      if (!laneWasTaken(error)) throw error;
      return false;
    }
  }
  return true;
}

/** A new owner: fences the lanes, reads what older owners got in, inserts the rest but what is past retention. */
async function takeOver(deps: BatchDeps, flushId: string): Promise<FlushDoc | null> {
  const { db, spool, lanes, retention, now } = deps;
  const flush = await spool.takeOver(flushId);
  if (flush === null) return null;
  const series = { events: itemsOf(flush, 'events'), heatmap: itemsOf(flush, 'heatmap') };
  const where = positions(flush.ids ?? []);
  const apps = new Map((await retention.apps()).map(({ id, days }) => [id.toHexString(), days]));

  const skip: number[] = [];
  for (const list of LISTS) {
    for (const { meta, id } of series[list]) {
      const days = apps.get(meta.appId.toHexString());
      const kept = list === 'events' ? days?.events : days?.heatmapEvents;
      if (kept !== undefined && meta.day < firstKeptDay(now(), kept)) skip.push(where.get(id) ?? -1);
    }
  }
  if (!(await spool.leaveOut(flushId, flush.epoch, skip))) throw new Error(`flush ${flushId} has a newer owner`);

  const left = new Set(skip);
  const wantedOf = (list: List) => series[list].filter(({ id }) => !left.has(where.get(id) ?? -1));
  for (const list of LISTS) {
    if (series[list].length === 0) continue;
    const wanted = wantedOf(list);
    await lanes.use(flush.lanes[list], async ({ session, fence, insert }) => {
      await fence(2 * flush.epoch);
      const stored = await storedIds(db, COLLECTIONS[list], wanted, session);
      const missing = wanted.filter(({ id }) => !stored.has(id)).map(({ bytes }) => bytes);
      await insert(2 * flush.epoch + 1, COLLECTIONS[list], Buffer.concat(missing));
    });
  }
  if (skip.length === 0) return flush;
  return {
    ...flush,
    skip,
    rollups: [...recount('events', wantedOf('events')), ...recount('heatmap', wantedOf('heatmap'))],
  };
}

const itemsOf = ({ bytes }: FlushDoc, list: List) => seriesItems(bytes?.[list].buffer ?? Buffer.alloc(0));

function resultOf(flushId: string, flush: KeylessFlush | null): FlushResult {
  if (flush === null) return { flushId, state: 'unknown', stored: 0, expired: 0 };
  if (flush.state === 'new') throw new Error(`flush ${flushId} has a newer owner`);
  const expired = flush.skip.length;
  return { flushId, state: flush.state, stored: flush.owned - expired, expired };
}
