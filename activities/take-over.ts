import type { Db } from 'mongodb';
import { eventsSpec } from '../db/events.js';
import { failureKind, refusalsOf } from '../db/failure.js';
import { heatmapEventsSpec } from '../db/heatmap-events.js';
import type { Lanes } from '../db/lane.js';
import type { Retention } from '../db/retention.js';
import { positions, recount, type SeriesItem, seriesItems, storedIds } from '../db/series.js';
import { type FlushDoc, type KeylessFlush, keysOf, type Refusal, type Spool } from '../db/spool.js';
import { firstKeptDay } from '../domain/app.js';
import { PlatformError } from '../domain/errors.js';
import { culpritSearch } from './culprit-search.js';
import { causesOf } from './flush-items.js';
import { tried, unlessRefused } from './tries.js';

export interface LaneDeps {
  readonly db: Db;
  readonly spool: Pick<Spool, 'takeOver' | 'leaveOut'>;
  readonly lanes: Lanes;
  readonly retention: Pick<Retention, 'apps'>;
  /** Between tries of what was refused. */
  readonly pauseMs: number;
  readonly now: () => number;
}

const LISTS = ['events', 'heatmap'] as const;
type List = (typeof LISTS)[number];
const COLLECTIONS: Readonly<Record<List, string>> = { events: eventsSpec.name, heatmap: heatmapEventsSpec.name };

/** mongod forgets a lane 30 minutes after its last use; half of that is left for a command that travels slowly. */
const LANE_TRUSTED_MS = 15 * 60_000;

/**
 * The flush with all its documents stored, by the first owner's way or by a new owner's; null where it is stored.
 * @param refuses whether documents that mongod refuses are left out; else the refusal is thrown, and nothing is decided
 */
export async function ownDocuments(
  deps: LaneDeps,
  flush: KeylessFlush,
  refuses: boolean,
): Promise<KeylessFlush | null> {
  if (flush.epoch === 0) {
    try {
      if (await insertOnce(deps, flush)) return flush;
    } catch (error) {
      // Other documents never go out under the number of these: who leaves some out takes over, at any age.
      if (!refuses || failureKind(error) !== 'content') throw error;
    }
  }
  return takeOver(deps, flush._id, refuses);
}

/**
 * The first owner's way: no look-up, the same bytes in the same lanes at each try.
 * False where the flush is too old to trust its lanes, or somebody has taken it over.
 */
async function insertOnce({ lanes, now }: LaneDeps, flush: KeylessFlush): Promise<boolean> {
  for (const list of LISTS) {
    const bytes = flush.bytes?.[list].buffer;
    if (!bytes?.length) continue;
    if (now() - flush.at.getTime() > LANE_TRUSTED_MS) return false;
    try {
      await lanes.use(flush.lanes[list], (lane) => lane.insert(1, COLLECTIONS[list], bytes));
    } catch (error) {
      if (failureKind(error) !== 'lane') throw error;
      return false;
    }
  }
  return true;
}

/**
 * A new owner: fences the lanes, reads what older owners got in, inserts the rest but what is past retention. Each
 * epoch sends one insert a lane. Where mongod refuses documents, they are left out in the next one.
 */
async function takeOver(deps: LaneDeps, flushId: string, refuses: boolean): Promise<FlushDoc | null> {
  const { db, spool, lanes, pauseMs } = deps;
  const searches = { events: culpritSearch(byApp), heatmap: culpritSearch(byApp) };
  const found: Refusal[] = [];

  for (;;) {
    const flush = await spool.takeOver(flushId);
    if (flush === null) return null;
    const series = { events: itemsOf(flush, 'events'), heatmap: itemsOf(flush, 'heatmap') };
    const where = positions(keysOf(flush));
    const at = ({ id }: SeriesItem): number => where.get(id) ?? -1;
    const skip = await expired(deps, series, at);
    const refused = union(flush.refused ?? [], found);
    if (!(await spool.leaveOut({ ...flush, skip, refused })))
      throw new PlatformError('UNAVAILABLE', `flush ${flushId} has a newer owner`);

    const left = new Set([...skip, ...refused.map((refusal) => refusal.at)]);
    const wanted = {
      events: series.events.filter((item) => !left.has(at(item))),
      heatmap: series.heatmap.filter((item) => !left.has(at(item))),
    };
    const isWhole: boolean[] = [];
    for (const list of LISTS) {
      if (series[list].length === 0) continue;
      const search = searches[list];
      const isListWhole = await lanes.use(flush.lanes[list], async ({ session, fence, insert }) => {
        await fence(2 * flush.epoch);
        const stored = await storedIds(db, COLLECTIONS[list], wanted[list], session);
        const missing = wanted[list].filter(({ id }) => !stored.has(id));
        const sent = search.next(missing);
        const bytes = Buffer.concat(sent.map((item) => item.bytes));
        const send = () => insert(2 * flush.epoch + 1, COLLECTIONS[list], bytes);
        const isTaken = await unlessRefused(
          tried(send, pauseMs).then(() => true),
          (error) => {
            if (!refuses) throw error;
            const named = refusalsOf(error).map(({ index }) => index);
            const cause = causesOf(error);
            const places = new Map(sent.map((item, index) => [item, index]));
            for (const item of search.refused(sent, missing, named)) {
              found.push({ at: at(item), ...cause(places.get(item) ?? -1) });
            }
            return false;
          },
        );
        return isTaken && sent.length === missing.length;
      });
      isWhole.push(isListWhole);
    }
    if (isWhole.includes(false)) continue;
    if (left.size === 0 && flush.rollups) return flush;
    const rollups = [...recount('events', wanted.events), ...recount('heatmap', wanted.heatmap)];
    return { ...flush, skip, refused, rollups };
  }
}

const itemsOf = ({ bytes }: FlushDoc, list: List): SeriesItem[] => seriesItems(bytes?.[list].buffer ?? Buffer.alloc(0));

const byApp = ({ meta }: SeriesItem): string => meta.appId.toHexString();

/** One refusal an item, the first that was found. */
const union = (known: readonly Refusal[], found: readonly Refusal[]): Refusal[] => [
  ...new Map([...found, ...known].map((refusal) => [refusal.at, refusal])).values(),
];

/** Places of what the app does not keep any more. */
async function expired(
  { retention, now }: LaneDeps,
  series: Readonly<Record<List, readonly SeriesItem[]>>,
  at: (item: SeriesItem) => number,
): Promise<number[]> {
  const apps = new Map((await retention.apps()).map(({ id, days }) => [id.toHexString(), days]));
  const isPast = (list: List, { meta }: SeriesItem): boolean => {
    const days = apps.get(meta.appId.toHexString());
    const kept = list === 'events' ? days?.events : days?.heatmapEvents;
    return kept !== undefined && meta.day < firstKeptDay(now(), kept);
  };
  return LISTS.flatMap((list) => series[list].filter((item) => isPast(list, item)).map(at));
}
