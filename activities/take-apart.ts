import type { GroupedError } from '../db/error-tally.js';
import type { Profiles, ProfileTouch } from '../db/profiles.js';
import { recount, type SeriesItem } from '../db/series.js';
import type { FlushDoc, Spool } from '../db/spool.js';
import { PlatformError } from '../domain/errors.js';
import type { ErrorPipeline, PreparedErrors } from './errors.js';
import { causeOf, type FlushItem, flushItems, type RefusedItem, refusedRows } from './flush-items.js';
import { flushResult, type FlushResult } from './flush-result.js';
import type { Ending, LastTransaction } from './last-transaction.js';
import type { RolloutMarks } from './rollout-marks.js';
import { sift } from './sift.js';
import { type LaneDeps, ownDocuments } from './take-over.js';
import { tried, unlessRefused } from './tries.js';

interface Deps extends LaneDeps {
  readonly spool: Pick<Spool, 'find' | 'findWhole' | 'takeOver' | 'leaveOut'>;
  readonly profiles: Pick<Profiles, 'touch'>;
  readonly errors: Pick<ErrorPipeline, 'prepare'>;
  readonly rolloutMarks: Pick<RolloutMarks, 'of'>;
}

/** Of one app of a flush; what is not known to pass then is refused. */
const MOST_PROBES = 64;
/** The same for all of a flush, since an attempt has two minutes. */
const PROBING_MS = 45_000;

/**
 * Stores a flush that holds something MongoDB does not take: that alone is set aside, with its reason, and all else is
 * stored. How the items at fault are found is told in docs/adr/0016.
 * @throws PlatformError FLUSH_POISONED where its bytes cannot be read
 */
export async function takeApart(deps: Deps, last: LastTransaction, flushId: string): Promise<FlushResult> {
  const { spool, now } = deps;
  const found = await spool.findWhole(flushId);
  if (found?.state !== 'new') return flushResult(flushId, found);
  const items = flushItems(found);
  const owned = await ownDocuments(deps, found, true);
  if (owned === null) return flushResult(flushId, await spool.find(flushId));
  const flush = { ...found, ...owned };
  await touchEach(deps, flush.touches ?? []);

  const { open, refused, grouped } = await judged(deps, flush, items);
  const endingOf = contentOf(deps, { flush, items, grouped });
  const probe = (part: readonly FlushItem[]): Promise<unknown> =>
    unlessRefused(
      tried(async () => last.probe(await endingOf(part)), deps.pauseMs),
      (failure) => failure,
    );
  const sifted = await siftApps(flush, open, probe);
  refused.push(...sifted.refused.map(({ item, failure }) => ({ item, cause: causeOf(failure) })));

  const refusals = refused.flatMap(({ item: { at }, cause }) => (at === undefined ? [] : { at, ...cause }));
  const ended = { ...flush, ...(refusals.length > 0 && { refused: refusals }) };
  const rows = refusedRows(flush, refused, new Date(now()));
  const [isMine] = await last.commit([{ ...(await endingOf(sifted.kept)), flush: ended, refused: rows }]);
  return flushResult(flushId, isMine === true ? { ...ended, state: 'stored' } : await spool.find(flushId));
}

/** At most once a day each, and told again tomorrow: one that MongoDB does not take is left out. */
async function touchEach({ profiles }: Deps, touches: readonly ProfileTouch[]): Promise<void> {
  await unlessRefused(profiles.touch(touches), async () => {
    for (const each of touches) await unlessRefused(profiles.touch([each]), () => undefined);
  });
}

interface Judged {
  /** What the last transaction is to store, as far as is known. */
  readonly open: readonly FlushItem[];
  readonly refused: RefusedItem[];
  /** Errors by the hex of their `_id`. */
  readonly grouped: ReadonlyMap<string, GroupedError>;
}

/** What is known before the last transaction: what a lane refused or left out, and what cannot be prepared. */
async function judged({ errors }: Deps, flush: FlushDoc, items: readonly FlushItem[]): Promise<Judged> {
  const byPlace = new Map(flush.refused?.map(({ at, ...cause }) => [at, cause]));
  const expired = new Set(flush.skip);
  const failed = new Map<string, unknown>();
  const pending = flush.bytes?.errors?.buffer;
  const prepared = pending ? await errors.prepare(pending, (id, failure) => failed.set(id, failure)) : [];

  const refused: RefusedItem[] = [];
  const open = items.filter((item) => {
    const { at = -1, errorId = '' } = item;
    const cause = byPlace.get(at) ?? (failed.has(errorId) ? causeOf(failed.get(errorId)) : undefined);
    if (cause) refused.push({ item, cause });
    return cause === undefined && !expired.has(at);
  });
  const grouped = new Map(
    prepared.flatMap(({ errors: own }) => own.map((each) => [each.error._id.toHexString(), each])),
  );
  return { open, refused, grouped };
}

interface Whole {
  readonly flush: FlushDoc;
  readonly items: readonly FlushItem[];
  readonly grouped: Judged['grouped'];
}

/** What the last transaction writes of a part of a flush. */
function contentOf({ rolloutMarks }: Deps, { flush, items, grouped }: Whole) {
  return async (part: readonly FlushItem[]): Promise<Ending> => {
    const seriesOf = (kind: SeriesKind): SeriesItem[] =>
      part.flatMap((item) => (item.kind === kind && item.series ? [item.series] : []));
    const events = seriesOf('events');
    const isAll = part.length === items.length && flush.rollups !== undefined;
    const rollups = isAll ? flush.rollups : [...recount('events', events), ...recount('heatmap', seriesOf('heatmap'))];
    const prepared = byApp(part, grouped);
    const bytes = Buffer.concat(events.map((each) => each.bytes));
    // That somebody met a metric is known beside the items, and is no reason to refuse one.
    const hits = await unlessRefused(rolloutMarks.of({ rollups, events: bytes, prepared }), () => []);
    return { flush, rollups, writes: part.flatMap(({ write }) => write ?? []), prepared, hits, refused: [] };
  };
}

type SeriesKind = 'events' | 'heatmap';

function byApp(part: readonly FlushItem[], grouped: Judged['grouped']): PreparedErrors[] {
  const apps = new Map<string, { readonly appId: PreparedErrors['appId']; readonly errors: GroupedError[] }>();
  for (const { appId, errorId } of part) {
    const error = errorId === undefined ? undefined : grouped.get(errorId);
    if (error === undefined) continue;
    const app = apps.get(appId.toHexString()) ?? { appId, errors: [] };
    apps.set(appId.toHexString(), app);
    app.errors.push(error);
  }
  return [...apps.values()];
}

type Probe = (part: readonly FlushItem[]) => Promise<unknown>;

/**
 * What the last transaction takes, and what it does not. App by app, so that none is judged by another's content.
 * @throws PlatformError INTERNAL where content is not at fault: then nothing is refused, and the flush waits
 */
async function siftApps({ _id }: FlushDoc, open: readonly FlushItem[], probe: Probe) {
  if ((await probe(open)) === undefined) return { kept: open, refused: [] };
  const cause = await probe([]);
  if (cause !== undefined)
    throw new PlatformError('INTERNAL', `flush ${_id} cannot be ended, whatever it holds`, { cause });

  const until = performance.now() + PROBING_MS;
  const bounded = (items: readonly FlushItem[]) => {
    let probes = 0;
    return sift(items, probe, () => ++probes <= MOST_PROBES && performance.now() < until);
  };
  const apps = new Map<string, FlushItem[]>();
  for (const item of open) {
    const app = item.appId.toHexString();
    apps.set(app, [...(apps.get(app) ?? []), item]);
  }
  const sifted = [];
  for (const items of apps.values()) sifted.push(await bounded(items));
  // Each passes by itself; should they not together, the same is done with all of them.
  const together = await bounded(sifted.flatMap(({ kept }) => kept));
  return { kept: together.kept, refused: [...sifted.flatMap(({ refused }) => refused), ...together.refused] };
}
