import { randomBytes } from 'node:crypto';
import { Binary } from 'mongodb';
import { ulid } from 'ulid';
import { PlatformError } from '../domain/errors.js';
import { type Accepted, type Batch, batchId, type BatchItem, batchSize } from './batch.js';
import { isDuplicateKey } from './duplicate-key.js';
import { ITEM_KEY_BYTES, type ItemKind } from './ids.js';
import type { RollupShare } from './rollups.js';
import type { FlushBatch, FlushDoc, Spool, SpooledWrite } from './spool.js';

/** A flush that waits to be stored, as ops see it. */
export interface FlushSummary {
  readonly id: string;
  readonly batches: number;
  readonly items: number;
  /** Slugs. */
  readonly apps: readonly string[];
}

/** What became of a claim; `outcomes[i]` answers `batches[i]`. */
export interface Claim {
  /** Undefined where every batch was known or refused, so that nothing was inserted. */
  readonly flush?: FlushSummary;
  readonly outcomes: readonly (Accepted | PlatformError)[];
}

const ROUNDS = 5;
/** Looking up items that very many flushes hold is slow; such a request is asked to come in smaller pieces. */
const MOST_HOLDERS = 200;

/**
 * Takes batches into the spool as one flush: each item under its key unless some flush holds it already, each batch
 * under its own key unless it was taken before, which then is answered as the first time.
 * @throws PlatformError UNAVAILABLE where it is not certain that the flush is on the disks of a majority
 */
export async function claim(spool: Spool, batches: readonly Batch[], now: Date): Promise<Claim> {
  const outcomes = new Map<Batch, Accepted | PlatformError>();
  const { firsts, repeats } = withoutRepeats(batches);
  let open = firsts;
  const held = new Set<string>();
  let flush: FlushDoc | undefined;

  for (let round = 0; open.length > 0 && flush === undefined; round++) {
    if (round === ROUNDS) throw unavailable('the batch is being taken elsewhere');
    const candidate = assemble(open, held, now);
    try {
      await spool.insert(candidate);
      flush = candidate;
    } catch (error) {
      if (!isDuplicateKey(error)) throw unavailable('the spool did not confirm', error);
      const before = held.size + outcomes.size;
      await answerKnown(spool, open, outcomes);
      open = open.filter((batch) => !outcomes.has(batch));
      await findHeld(spool, open, held, outcomes);
      open = open.filter((batch) => !outcomes.has(batch));
      // The holder is not visible to a majority yet: it may still be rolled back, so nothing is dropped on its word.
      if (held.size + outcomes.size === before) await new Promise((resolve) => setTimeout(resolve, 20 * (round + 1)));
    }
  }

  for (const batch of open) outcomes.set(batch, accepted(batch.key, batch.items.length, batch.rejected));
  for (const [repeat, first] of repeats) {
    outcomes.set(repeat, sameBody(repeat, first.bodyHash) ? (outcomes.get(first) ?? missing()) : reused());
  }
  return {
    outcomes: batches.map((batch) => outcomes.get(batch) ?? missing()),
    ...(flush && { flush: summary(flush, open) }),
  };
}

const accepted = (key: Uint8Array, count: number, rejected: Accepted['rejected']): Accepted => ({
  batchId: batchId(key),
  accepted: count,
  rejected,
});
const unavailable = (why: string, cause?: unknown): PlatformError =>
  new PlatformError('UNAVAILABLE', why, { cause, retryAfterSeconds: 1 });
const missing = (): PlatformError => new PlatformError('INTERNAL', 'a batch was left without an answer');
const reused = (): PlatformError =>
  new PlatformError('IDEMPOTENCY_KEY_REUSED', 'this idempotency key came with another body before');

/** A batch that stands twice in one flush: a unique multikey index does not see that. */
function withoutRepeats(batches: readonly Batch[]): { firsts: Batch[]; repeats: Map<Batch, Batch> } {
  const byKey = new Map<string, Batch>();
  const repeats = new Map<Batch, Batch>();
  for (const batch of batches) {
    const key = batch.key.toString('latin1');
    const first = byKey.get(key);
    if (first === undefined) byKey.set(key, batch);
    else repeats.set(batch, first);
  }
  return { firsts: [...byKey.values()], repeats };
}

const sameBody = (batch: Batch, bodyHash: Uint8Array | undefined): boolean =>
  bodyHash === undefined ? batch.bodyHash === undefined : batch.bodyHash?.equals(bodyHash) === true;

function assemble(batches: readonly Batch[], held: ReadonlySet<string>, now: Date): FlushDoc {
  const seen = new Set(held);
  const ids: Binary[] = [];
  const chunks: Record<'events' | 'heatmap' | 'errors', Uint8Array[]> = { events: [], heatmap: [], errors: [] };
  const shares = new Map<string, RollupShare>();
  const flushBatches: FlushBatch[] = [];
  const writes: SpooledWrite[] = [];

  for (const batch of batches) {
    const from = ids.length;
    for (const item of batch.items) {
      if (seen.has(item.key)) continue;
      seen.add(item.key);
      if (item.write) writes.push({ ...item.write, item: ids.length });
      ids.push(new Binary(Buffer.from(item.key, 'latin1')));
      if (item.bytes && isListKind(item.kind)) chunks[item.kind].push(item.bytes);
      if (item.rollup) addShare(shares, batch, item.rollup);
    }
    writes.push(...batch.drops);
    flushBatches.push({
      key: new Binary(batch.key),
      ...(batch.bodyHash && { bodyHash: new Binary(batch.bodyHash) }),
      appId: batch.appId,
      kind: batch.kind,
      format: batch.format,
      from,
      to: ids.length,
      accepted: batch.items.length,
      rejected: batch.rejected,
    });
  }

  const events = Buffer.concat(chunks.events);
  const heatmap = Buffer.concat(chunks.heatmap);
  const errors = Buffer.concat(chunks.errors);
  return {
    _id: ulid(now.getTime()),
    state: 'new',
    at: now,
    epoch: 0,
    // Random, never derived from what a client sends: a lane is good for one insert of one content.
    lanes: {
      events: new Binary(randomBytes(16), Binary.SUBTYPE_UUID),
      heatmap: new Binary(randomBytes(16), Binary.SUBTYPE_UUID),
    },
    batches: flushBatches,
    batchKeys: batches.map(({ key }) => new Binary(key)),
    owned: ids.length,
    ...(ids.length > 0 && { ids }),
    skip: [],
    bytes: {
      events: new Binary(events),
      heatmap: new Binary(heatmap),
      ...(errors.length > 0 && { errors: new Binary(errors) }),
    },
    size: events.length + heatmap.length + errors.length + ids.length * ITEM_KEY_BYTES,
    rollups: [...shares.values()],
    touches: batches.flatMap(({ touches }) => touches),
    writes,
  };
}

const isListKind = (kind: ItemKind): kind is 'events' | 'heatmap' | 'errors' =>
  kind === 'events' || kind === 'heatmap' || kind === 'errors';

function addShare(shares: Map<string, RollupShare>, { appId }: Batch, rollup: NonNullable<BatchItem['rollup']>): void {
  const { kind, hour, eventType, eventName } = rollup;
  const id = `${appId.toHexString()}/${kind}/${String(hour)}/${eventType}/${eventName}`;
  const share = shares.get(id);
  if (share) share.count++;
  else shares.set(id, { appId, kind, hour, eventType, eventName, count: 1 });
}

async function answerKnown(
  spool: Spool,
  open: readonly Batch[],
  outcomes: Map<Batch, Accepted | PlatformError>,
): Promise<void> {
  const holders = await spool.holdersOfBatches(open.map(({ key }) => new Binary(key)));
  const known = new Map(
    holders.flatMap(({ batches }) => batches.map((each) => [Buffer.from(each.key.buffer).toString('latin1'), each])),
  );
  for (const batch of open) {
    const first = known.get(batch.key.toString('latin1'));
    if (first === undefined) continue;
    const same = sameBody(batch, first.bodyHash?.buffer);
    outcomes.set(batch, same ? accepted(batch.key, first.accepted, first.rejected) : reused());
  }
}

async function findHeld(
  spool: Spool,
  open: readonly Batch[],
  held: Set<string>,
  outcomes: Map<Batch, Accepted | PlatformError>,
): Promise<void> {
  const fresh = (batches: readonly Batch[]): Binary[] =>
    batches.flatMap(({ items }) =>
      items.filter(({ key }) => !held.has(key)).map(({ key }) => new Binary(Buffer.from(key, 'latin1'))),
    );
  const look = async (batches: readonly Batch[]): Promise<boolean> => {
    const ids = fresh(batches);
    if (ids.length === 0) return true;
    const holders = await spool.holdersOfItems(ids, MOST_HOLDERS + 1);
    if (holders.length > MOST_HOLDERS) return false;
    for (const holder of holders) for (const id of holder.held) held.add(Buffer.from(id.buffer).toString('latin1'));
    return true;
  };

  if (await look(open)) return;
  for (const batch of open) {
    if (await look([batch])) continue;
    const items = batchSize(batch);
    outcomes.set(
      batch,
      new PlatformError('RATE_LIMITED', `the ${String(items)} items repeat too many batches: send fewer at once`, {
        retryAfterSeconds: 10,
      }),
    );
  }
}

function summary({ _id, owned }: FlushDoc, batches: readonly Batch[]): FlushSummary {
  const apps = [...new Set(batches.map(({ appSlug }) => appSlug))];
  return { id: _id, batches: batches.length, items: owned, apps };
}
