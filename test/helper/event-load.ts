import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Db } from 'mongodb';
import { encodeEventBatch } from '../../proto/codec.js';
import { drained, eventRollups, recounted } from './audit.js';
import { doubledLoad, type LoadOptions, type LoadRequest } from './load.js';
import { storedByReceipts } from './receipt.js';
import type { TestApp } from './system.js';

const TYPES = ['page_view', 'click', 'checkout'];
const SESSIONS = 50;
/**
 * Batches that hurt: each is sent twice at once, shares half with the next, every other one is JSON; a quarter of the
 * events have no id, and some heatmap points are there twice on purpose. A batch that is not acknowledged is sent again.
 */
export function eventLoad(options: LoadOptions) {
  const began = Date.now() - 60_000;
  const run = randomUUID().slice(0, 8);
  const { size } = options;
  const half = Math.floor(size / 2);
  /** How often each event and point must be stored in the end, by its number. */
  const wanted = { events: new Map<number, number>(), points: new Map<number, number>() };

  const event = (n: number) => ({
    eventId: n % 4 === 0 ? '' : `${run}-${String(n)}`,
    sessionId: `session-${String(n % SESSIONS)}`,
    timestampMs: began + n,
    eventType: TYPES[n % TYPES.length] ?? 'click',
    pageUrl: 'https://shop.example/',
    elementTid: String(n),
    metadata: { plan: 'pro' },
  });
  const point = (n: number) => ({
    sessionId: `session-${String(n % SESSIONS)}`,
    timestampMs: began + n,
    pageUrl: 'https://shop.example/',
    x: n,
    y: n % 900,
    viewportWidth: 1440,
    viewportHeight: 900,
  });

  function request(index: number): LoadRequest {
    const numbers = Array.from({ length: size }, (_, i) => index * half + i);
    const points = numbers.flatMap((n) => (n % 5 === 0 ? [n, n] : [n]));
    for (const n of numbers) {
      wanted.events.set(n, 1);
      wanted.points.set(n, n % 5 === 0 ? 2 : 1);
    }
    const batch = { events: numbers.map(event), heatmapEvents: points.map(point) };
    const items = numbers.length + points.length;
    return index % 2 === 0
      ? { body: Buffer.from(encodeEventBatch(batch)), contentType: 'application/x-protobuf', items }
      : { body: Buffer.from(JSON.stringify(batch)), contentType: 'application/json', items };
  }

  return { ...doubledLoad('/v1/events', request, options), wanted };
}

export type EventLoad = ReturnType<typeof eventLoad>;

async function counts(db: Db, collection: string, app: TestApp, by: string): Promise<Map<number, number>> {
  const rows = db
    .collection(collection)
    .aggregate<{ _id: number; rows: number }>([
      { $match: { appId: app.id } },
      { $group: { _id: { $toInt: by }, rows: { $sum: 1 } } },
    ]);
  return new Map((await rows.toArray()).map(({ _id, rows: n }) => [_id, n]));
}

/** Missing, doubled or unknown, each with its number; empty when all is as it must be. */
function differences(wanted: ReadonlyMap<number, number>, stored: ReadonlyMap<number, number>): string[] {
  return [...new Set([...wanted.keys(), ...stored.keys()])].flatMap((n) => {
    const [must, is] = [wanted.get(n) ?? 0, stored.get(n) ?? 0];
    return must === is ? [] : [`${String(n)}: ${String(is)} instead of ${String(must)}`];
  });
}

interface Audited {
  readonly url: string;
  readonly db: Db;
}

/** That everything acknowledged is stored exactly once, that the rollups equal a recount, and every receipt is right. */
export async function audit({ url, db }: Audited, app: TestApp, load: EventLoad, patienceMs = 60_000): Promise<void> {
  await load.done();
  await drained(db, patienceMs);
  const batchIds = load.batchIds();
  const { wanted } = load;
  assert.deepEqual(differences(wanted.events, await counts(db, 'events', app, '$elementTid')), [], 'events');
  assert.deepEqual(differences(wanted.points, await counts(db, 'heatmap_events', app, '$x')), [], 'heatmap points');

  const recount = await recounted(db, app.id);
  assert.deepEqual(await eventRollups(db, app.id), recount, 'rollups');
  const rows = recount.reduce((sum, { count }) => sum + count, 0);

  assert.equal(await storedByReceipts(url, app, batchIds), rows, 'what the receipts say, in all');
  assert.ok(load.acknowledged() >= 2 * batchIds.length);
}
