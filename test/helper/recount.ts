import type { Db, ObjectId } from 'mongodb';
import type { Batch } from '../../db/batch.js';
import type { DropDoc } from '../../db/drops.js';
import type { RefusedItemDoc } from '../../db/refused-items.js';
import { type FlushDoc, spool } from '../../db/spool.js';

export interface SimulatedBatch {
  readonly batch: Batch;
  /** Keys of what mongod refuses. */
  readonly bad: ReadonlySet<string>;
}

interface Outcome {
  readonly apps: readonly ObjectId[];
  readonly batches: readonly SimulatedBatch[];
  readonly acknowledged: readonly Batch[];
  readonly flushes: readonly FlushDoc[];
}

/** What is wrong with what was stored, by kind; empty when every promise was kept. */
export async function recount(
  db: Db,
  { apps, batches, acknowledged, flushes }: Outcome,
): Promise<Record<string, number>> {
  const faults: Record<string, number> = {};
  const fault = (kind: string, count = 1): void => {
    if (count > 0) faults[kind] = (faults[kind] ?? 0) + count;
  };
  fault('stuck', flushes.filter(({ state }) => state !== 'stored').length);

  const items = new Map(batches.flatMap(({ batch }) => batch.items.map((item) => [item.key, item] as const)));
  const bad = new Set(batches.flatMap((each) => [...each.bad]));
  const owned = flushes.flatMap(({ ids = [] }) => ids.map((id) => Buffer.from(id.buffer).toString('latin1')));
  fault('claimed twice', owned.length - new Set(owned).size);
  for (const { items: promised } of acknowledged)
    for (const { key } of promised) if (!owned.includes(key)) fault('lost');
  const kept = owned.filter((key) => !bad.has(key));

  // What has a document of its own is looked for by its id, what has none is counted.
  const rows = new Map<string, number>();
  const docs = { events: 'events', heatmap: 'heatmap_events', errors: 'errors', feedback: 'feedback' };
  for (const name of Object.values(docs)) {
    for await (const { _id } of db.collection(name).find({ appId: { $in: apps } }, { projection: { _id: 1 } })) {
      const id = String(_id);
      rows.set(id, (rows.get(id) ?? 0) + 1);
    }
  }
  for (const count of rows.values()) fault('doubled', count - 1);
  const idOf = (key: string): string => Buffer.from(key.slice(4), 'latin1').toString('hex');
  const hasRow = (key: string): boolean => Object.hasOwn(docs, items.get(key)?.kind ?? '');
  for (const key of kept) if (hasRow(key) && !rows.has(idOf(key))) fault('lost');
  for (const key of bad) if (rows.has(idOf(key))) fault('stored though refused');
  fault('of nobody', [...rows.keys()].length - kept.filter(hasRow).length);

  const counted = async (name: string, filter: object = {}): Promise<number> =>
    db.collection(name).countDocuments({ appId: { $in: apps }, ...filter });
  const wanted = (type: string): number => kept.filter((key) => items.get(key)?.write?.type === type).length;
  if ((await counted('release_sessions')) !== wanted('session')) fault('sessions');
  if ((await counted('profiles', { 'attributes.plan': 'pro' })) !== wanted('identify')) fault('identifies');
  if ((await counted('profile_aliases')) !== wanted('alias')) fault('aliases');
  const series = kept.filter((key) => ['events', 'heatmap'].includes(items.get(key)?.kind ?? ''));
  const rollups = await db
    .collection('event_rollups')
    .find({ appId: { $in: apps } })
    .toArray();
  if (rollups.reduce((sum, { count }) => sum + Number(count), 0) !== series.length) fault('rollups');

  const refused = new Set(
    (
      await db
        .collection<RefusedItemDoc>('refused_items')
        .find({ appId: { $in: apps } })
        .toArray()
    )
      .filter(({ kind }) => kind !== 'other')
      .map(({ _id }) => Buffer.from(_id.buffer).toString('latin1')),
  );
  for (const key of owned)
    if (bad.has(key) !== refused.has(key)) fault(bad.has(key) ? 'refused without a row' : 'set aside');
  const drops = await db
    .collection<DropDoc>('daily_drops')
    .find({ appId: { $in: apps }, by: 'store' })
    .toArray();
  if (drops.reduce((sum, { count, category }) => sum + (category === 'other' ? 0 : count), 0) !== refused.size)
    fault('drops');

  const store = spool(db);
  for (const { appId, key, items: own } of acknowledged) {
    const receipt = await store.receipt(appId, key);
    const sum = receipt ? receipt.stored + receipt.duplicates + receipt.refused : -1;
    if (receipt?.state !== 'stored' || sum !== own.length) fault('receipt');
  }
  return faults;
}
