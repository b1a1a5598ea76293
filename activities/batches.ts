import type { ClientSession, Db, MongoClient } from 'mongodb';
import type { FlushWrite } from '../db/batch.js';
import type { FlushSummary } from '../db/claim.js';
import type { Drops } from '../db/drops.js';
import type { Feedback } from '../db/feedback.js';
import { type Lanes, laneWasTaken } from '../db/lane.js';
import { eventsSpec } from '../db/events.js';
import { heatmapEventsSpec } from '../db/heatmap-events.js';
import { isPoison } from '../db/poison.js';
import type { Profiles } from '../db/profiles.js';
import type { Sessions } from '../db/release-sessions.js';
import type { Retention } from '../db/retention.js';
import type { Rollups } from '../db/rollups.js';
import { positions, recount, seriesItems, storedIds } from '../db/series.js';
import type { FlushDoc, KeylessFlush, Spool } from '../db/spool.js';
import { firstKeptDay } from '../domain/app.js';
import { PlatformError } from '../domain/errors.js';
import type { ErrorPipeline } from './errors.js';
import { sequentially } from './sequentially.js';

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

export interface BatchDeps {
  readonly client: MongoClient;
  readonly db: Db;
  readonly spool: Spool;
  readonly lanes: Lanes;
  readonly rollups: Rollups;
  readonly profiles: Profiles;
  readonly retention: Pick<Retention, 'apps'>;
  readonly errors: ErrorPipeline;
  readonly sessions: Sessions;
  readonly feedback: Feedback;
  readonly drops: Drops;
  /** Told when there is something to tell people; must not throw, and a call that is lost is made good by a schedule. */
  readonly onAlerts: () => void;
  readonly now: () => number;
}

const LISTS = ['events', 'heatmap'] as const;
type List = (typeof LISTS)[number];
const COLLECTIONS: Readonly<Record<List, string>> = { events: eventsSpec.name, heatmap: heatmapEventsSpec.name };

/** mongod forgets a lane 30 minutes after its last use; half of that is left for a command that travels slowly. */
const LANE_TRUSTED_MS = 15 * 60_000;
/** A local activity has eight seconds; what has not begun by then goes to a normal one. */
const QUICK_MS = 5_000;
const AT_ONCE = 2;

/** Storing what was acknowledged: the rules and the races behind them are in docs/adr/0005. */
export function batchActivities(deps: BatchDeps) {
  const { client, spool, rollups, profiles, errors, sessions, feedback, drops, onAlerts, now } = deps;
  // Flushes with errors mostly count for the same groups: one after the other, no transaction is done in vain.
  const inTurn = sequentially();

  /** Stores a flush exactly once, however often, by however many and however late this is called. */
  async function storeFlush({ flushId }: StoreFlushInput): Promise<FlushResult> {
    try {
      return await store(flushId);
    } catch (error) {
      if (!isPoison(error)) throw error;
      throw new PlatformError('FLUSH_POISONED', `mongod refuses ${flushId}: ${String(error)}`, { cause: error });
    }
  }

  async function store(flushId: string): Promise<FlushResult> {
    const flush = await spool.find(flushId);
    if (flush?.state !== 'new') return resultOf(flushId, flush);

    const owned = await ownDocuments(deps, flush);
    if (owned?.state !== 'new') return resultOf(flushId, await spool.find(flushId));

    await profiles.touch(owned.touches ?? []);
    const pending = owned.bytes?.errors?.buffer;
    const finished = await (pending ? inTurn(() => count(owned, pending)) : count(owned));
    return resultOf(flushId, finished ? { ...owned, state: 'stored' } : await spool.find(flushId));
  }

  /** All that is counted, in one transaction with the flush's end; false where somebody else ended or took it over. */
  async function count(flush: KeylessFlush, pending?: Uint8Array): Promise<boolean> {
    const prepared = pending ? await errors.prepare(pending) : [];
    let alerts = 0;
    const finished = await client.withSession((session) =>
      session.withTransaction(
        async () => {
          if (!(await spool.markStored(flush, new Date(now()), session))) return false;
          await rollups.add(flush._id, flush.rollups ?? [], session);
          await write(flush.writes ?? [], session);
          alerts = await errors.store(prepared, session);
          return true;
        },
        { readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority', journal: true } },
      ),
    );
    if (finished && alerts > 0) onAlerts();
    return finished;
  }

  async function write(writes: readonly FlushWrite[], session: ClientSession): Promise<void> {
    if (writes.length === 0) return;
    const of = <T extends FlushWrite['type']>(...types: readonly T[]) =>
      writes.filter((each): each is Extract<FlushWrite, { type: T }> => types.some((type) => type === each.type));
    await profiles.write(of('identify', 'alias'), session);
    await sessions.write(of('session', 'sessions'), session, new Date(now()));
    await feedback.write(of('feedback'), session);
    await drops.write(of('drop'), session);
  }

  return {
    storeFlush,

    /** Several flushes, each by itself: one that fails or finds no time is named in `left`. */
    async storeFlushes({ flushIds }: StoreFlushesInput): Promise<StoreFlushesResult> {
      const begun = now();
      const results: FlushResult[] = [];
      const left: { flushId: string; reason: string }[] = [];
      const queue = [...flushIds];
      const storeNext = async (): Promise<void> => {
        for (let flushId = queue.shift(); flushId !== undefined; flushId = queue.shift()) {
          if (now() - begun > QUICK_MS) left.push({ flushId, reason: 'no time left' });
          else {
            const result = await storeFlush({ flushId }).catch((error: unknown) => String(error));
            if (typeof result === 'string') left.push({ flushId, reason: result });
            else results.push(result);
          }
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, storeNext));
      return { results, left };
    },

    /** Sets a flush aside that mongod refuses for ever. It keeps its claim and its documents. */
    failFlush: ({ flushId, reason }: StoreFlushInput & { readonly reason: string }): Promise<void> =>
      spool.markFailed(flushId, reason),

    /** Flushes that wait longer than they should; with `replayFailed`, also those set aside before. */
    async findWaiting({ olderThanMs, limit, replayFailed }: FindWaitingInput): Promise<FlushSummary[]> {
      if (replayFailed) await spool.replayFailed();
      const waiting = await spool.waiting(new Date(now() - olderThanMs), limit);
      if (waiting.length === 0) return [];
      const slugs = new Map((await deps.retention.apps()).map(({ id, appId }) => [id.toHexString(), appId]));
      return waiting.map(({ _id, batches }) => ({
        id: _id,
        batches: batches.length,
        items: batches.reduce((sum, { from, to }) => sum + to - from, 0),
        apps: [...new Set(batches.map(({ appId }) => slugs.get(appId.toHexString()) ?? appId.toHexString()))],
      }));
    },
  };
}

export interface FindWaitingInput {
  readonly olderThanMs: number;
  readonly limit: number;
  readonly replayFailed: boolean;
}

export type BatchActivities = ReturnType<typeof batchActivities>;

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
