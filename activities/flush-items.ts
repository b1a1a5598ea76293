import type { ObjectId } from 'mongodb';
import { bsonDocuments, decoded } from '../db/bson-documents.js';
import type { DropWrite } from '../db/drops.js';
import { codeName, failureName, refusalsOf } from '../db/failure.js';
import type { ItemKind } from '../db/ids.js';
import type { PendingError } from '../db/errors.js';
import { keyOfOther, type RefusedItemDoc, refusedRow } from '../db/refused-items.js';
import { positions, type SeriesItem, seriesItems } from '../db/series.js';
import { type FlushDoc, keysOf, type Refusal, type SpooledWrite } from '../db/spool.js';
import { PlatformError } from '../domain/errors.js';
import { cutText } from '../domain/limits.js';

/** One thing that a flush holds and that can be refused by itself. */
export interface FlushItem {
  /** Its place among the flush's keys; undefined where it has none: a count of what was dropped, a write of old. */
  readonly at: number | undefined;
  readonly appId: ObjectId;
  readonly kind: ItemKind | 'other';
  /** Of an event or heatmap point. */
  readonly series?: SeriesItem;
  /** Of an error: hex of its `_id`. */
  readonly errorId?: string;
  readonly bytes?: Uint8Array;
  readonly write?: SpooledWrite;
}

const WRITE_KINDS = {
  identify: 'profiles',
  alias: 'profiles',
  session: 'sessions',
  sessions: 'sessions',
  feedback: 'feedback',
  drop: 'other',
} as const satisfies Readonly<Record<SpooledWrite['type'], FlushItem['kind']>>;

/**
 * All that a flush holds, in the order of its keys.
 * @throws PlatformError FLUSH_POISONED where its bytes cannot be read
 */
export function flushItems(flush: FlushDoc): readonly FlushItem[] {
  try {
    const places = positions(keysOf(flush));
    const items: FlushItem[] = [];
    for (const kind of ['events', 'heatmap'] as const) {
      for (const series of seriesItems(flush.bytes?.[kind].buffer ?? Buffer.alloc(0))) {
        const { meta, id, bytes } = series;
        items.push({ at: places.get(id), appId: meta.appId, kind, series, bytes });
      }
    }
    for (const bytes of bsonDocuments(flush.bytes?.errors?.buffer ?? Buffer.alloc(0))) {
      const { _id, appId } = decoded(bytes) as PendingError;
      const errorId = _id.toHexString();
      items.push({ at: places.get(errorId), appId, kind: 'errors', errorId, bytes });
    }
    for (const write of flush.writes ?? []) {
      const { appId } = write.type === 'feedback' ? write.document : write;
      items.push({ at: write.item, appId, kind: WRITE_KINDS[write.type], write });
    }
    return items.sort((a, b) => (a.at ?? -1) - (b.at ?? -1));
  } catch (cause) {
    throw new PlatformError('FLUSH_POISONED', `flush ${flush._id} cannot be read: ${String(cause)}`, { cause });
  }
}

const REASON_BYTES = 500;

type Cause = Omit<Refusal, 'at'>;

/** Why an item is refused, from what was thrown. */
export function causeOf(error: unknown): Cause {
  const reason = error instanceof Error ? error.message : String(error);
  return { code: failureName(error), reason: cutText(reason, REASON_BYTES) };
}

/** The same by the places of documents in a command; of a command that was refused as a whole, it is one for all. */
export function causesOf(error: unknown): (index: number) => Cause {
  const named = new Map(refusalsOf(error).map((refusal) => [refusal.index, refusal]));
  return (index) => {
    const own = named.get(index);
    return own ? { code: codeName(own.code), reason: cutText(own.errmsg, REASON_BYTES) } : causeOf(error);
  };
}

export interface RefusedItem {
  readonly item: FlushItem;
  readonly cause: Cause;
}

/** The rows that are kept of refused items. */
export function refusedRows(flush: FlushDoc, refused: readonly RefusedItem[], now: Date): RefusedItemDoc[] {
  const keys = keysOf(flush);
  return refused.map(({ item: { at, appId, kind, bytes, write }, cause }, index) => {
    // A key for what has none: the same whenever this flush is taken apart.
    const key = (at === undefined ? undefined : keys[at]) ?? keyOfOther(flush._id, index);
    const flushId = (at === undefined ? undefined : flush.replays?.[at]?.flushId) ?? flush._id;
    return refusedRow({ key, flushId, appId, kind, bytes, write, ...cause, at: now });
  });
}

const CATEGORIES = {
  events: 'event',
  heatmap: 'heatmap',
  profiles: 'profile',
  errors: 'error',
  sessions: 'session',
  feedback: 'feedback',
  other: 'other',
} as const satisfies Readonly<Record<FlushItem['kind'], string>>;

/** The same for those who look at what was dropped. */
export function refusedDrops(rows: readonly RefusedItemDoc[]): DropWrite[] {
  const drops = new Map<string, DropWrite>();
  for (const { appId, kind, code, at } of rows) {
    const key = `${appId.toHexString()}/${kind}/${code}`;
    const count = (drops.get(key)?.count ?? 0) + 1;
    drops.set(key, { type: 'drop', appId, by: 'store', reason: code, category: CATEGORIES[kind], count, at });
  }
  return [...drops.values()];
}
