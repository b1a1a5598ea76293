import { randomBytes } from 'node:crypto';
import { Binary, type ClientSession, type Collection, type MongoClient } from 'mongodb';
import { ulid } from 'ulid';
import type { RefusedItemDoc, RefusedItems } from './refused-items.js';
import type { FlushDoc, Spool, SpooledWrite } from './spool.js';

interface Deps {
  readonly client: MongoClient;
  readonly spool: Pick<Spool, 'insert'>;
  readonly refusedItems: Pick<RefusedItems, 'oldest' | 'remove'>;
}

export interface Replay {
  /** What is refused again meanwhile is left alone. */
  readonly refusedBefore: Date;
  /** Since when the flushes count as waiting. */
  readonly at: Date;
}

/** A flush stays below the largest document there may be. */
const MOST_ITEMS = 500;
const MOST_BYTES = 8 * 1024 * 1024;

/**
 * Puts refused items back in line, after the fault is mended: in flushes of their own, which are taken over from the
 * start, since it is not known what became of them in the lanes of the first. Each is in line once: it leaves
 * `refused_items` in the transaction that puts it there.
 */
export function replayRefused({ client, spool, refusedItems }: Deps) {
  const replaySome = ({ refusedBefore, at }: Replay): Promise<boolean> =>
    client.withSession((session) =>
      session.withTransaction(
        async () => {
          const items = fitting(await refusedItems.oldest(MOST_ITEMS, refusedBefore, session));
          if (items.length === 0) return false;
          await spool.insert(flushOf(items, at), session);
          await refusedItems.remove(
            items.map(({ _id }) => _id),
            session,
          );
          return true;
        },
        { readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority', journal: true } },
      ),
    );

  return async (replay: Replay): Promise<void> => {
    let isMore = true;
    while (isMore) isMore = await replaySome(replay);
  };
}

function fitting(items: readonly RefusedItemDoc[]): readonly RefusedItemDoc[] {
  let bytes = 0;
  const end = items.findIndex(({ bson }, index) => (bytes += bson?.length() ?? 0) > MOST_BYTES && index > 0);
  return end < 0 ? items : items.slice(0, end);
}

function flushOf(items: readonly RefusedItemDoc[], at: Date): FlushDoc {
  const bytesOf = (kind: RefusedItemDoc['kind']): Buffer =>
    Buffer.concat(items.flatMap((item) => (item.kind === kind && item.bson ? [item.bson.buffer] : [])));
  const bytes = { events: bytesOf('events'), heatmap: bytesOf('heatmap'), errors: bytesOf('errors') };
  // The keys stay with the flushes that the items came with; a batch of a flush has one all the same.
  const apps = new Map(items.map(({ appId }) => [appId.toHexString(), appId]));
  const batches = [...apps.values()].map((appId) => {
    const own = items.filter((item) => item.appId.equals(appId)).length;
    const none = { accepted: 0, rejected: [] };
    return { key: new Binary(randomBytes(32)), appId, kind: 'replay', format: 'bson', from: 0, to: own, ...none };
  });
  return {
    _id: ulid(),
    state: 'new',
    at,
    epoch: 1,
    lanes: { events: lane(), heatmap: lane() },
    batches,
    batchKeys: batches.map(({ key }) => key),
    owned: items.length,
    skip: [],
    replays: items.map(({ _id: key, flushId }) => ({ key, flushId })),
    bytes: {
      events: new Binary(bytes.events),
      heatmap: new Binary(bytes.heatmap),
      ...(bytes.errors.length > 0 && { errors: new Binary(bytes.errors) }),
    },
    size: bytes.events.length + bytes.heatmap.length + bytes.errors.length,
    writes: items.flatMap(({ write }, item) => (write ? [{ ...write, item } as unknown as SpooledWrite] : [])),
  };
}

const lane = (): Binary => new Binary(randomBytes(16), Binary.SUBTYPE_UUID);

/** That items are stored now, for the receipts of the flushes that they came with; those refused again are not. */
export async function noteReplayed(
  spooled: Collection<FlushDoc>,
  { replays = [], refused = [] }: Pick<FlushDoc, 'replays' | 'refused'>,
  session: ClientSession,
): Promise<void> {
  const again = new Set(refused.map(({ at }) => at));
  const byFlush = new Map<string, Binary[]>();
  replays.forEach(({ key, flushId }, at) => {
    if (!again.has(at)) byFlush.set(flushId, [...(byFlush.get(flushId) ?? []), key]);
  });
  for (const [_id, keys] of byFlush) {
    const { ids = [] } = (await spooled.findOne({ _id }, { session, projection: { ids: 1 } })) ?? {};
    const places = new Map(ids.map((id, at) => [id.toString('hex'), at]));
    const at = { $in: keys.flatMap((key) => places.get(key.toString('hex')) ?? []) };
    await spooled.updateOne({ _id }, { $pull: { refused: { at } } }, { session });
  }
}
