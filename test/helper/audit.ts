import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Db, ObjectId } from 'mongodb';
import { spool } from '../../db/spool.js';
import { HOUR_MS } from '../../domain/limits.js';

interface Counted {
  readonly kind: string;
  readonly hour: number;
  readonly eventType: string;
  readonly eventName: string;
  readonly count: number;
}

const inOrder = { kind: 1, hour: 1, eventType: 1, eventName: 1 } as const;

/** What the rollups say of an app, summed over the writers' slots. */
export async function eventRollups(db: Db, appId: ObjectId): Promise<Counted[]> {
  const of = { kind: '$kind', hour: '$hour', eventType: '$eventType', eventName: '$eventName' };
  return db
    .collection('event_rollups')
    .aggregate<Counted>([
      { $match: { appId } },
      { $group: { _id: of, count: { $sum: '$count' } } },
      { $replaceWith: { $mergeObjects: ['$_id', { count: '$count' }] } },
      { $sort: inOrder },
    ])
    .toArray();
}

/** What the rollups must say: a count of what is stored. */
export async function recounted(db: Db, appId: ObjectId): Promise<Counted[]> {
  const hour = { $toInt: { $floor: { $divide: ['$timestampMs', HOUR_MS] } } };
  const count = (collection: string, kind: string, eventType: unknown, eventName: unknown) =>
    db
      .collection(collection)
      .aggregate<Counted>([
        { $match: { appId } },
        { $group: { _id: { kind, hour, eventType, eventName }, count: { $sum: 1 } } },
        { $replaceWith: { $mergeObjects: ['$_id', { count: '$count' }] } },
        { $sort: inOrder },
      ])
      .toArray();
  return [
    ...(await count('events', 'events', '$eventType', { $ifNull: ['$eventName', ''] })),
    ...(await count('heatmap_events', 'heatmap', '', '')),
  ];
}

/** Waits until nothing that was acknowledged waits any more; gives up after a while in which nothing was stored. */
export async function drained(db: Db, patienceMs = 60_000): Promise<void> {
  const store = spool(db);
  let end = performance.now() + patienceMs;
  let least = Infinity;
  for (let last = await store.backlog(); last.flushes > 0; last = await store.backlog()) {
    if (last.flushes < least) end = performance.now() + patienceMs;
    least = Math.min(least, last.flushes);
    assert.ok(performance.now() < end, `${String(last.flushes)} flushes still wait, since ${String(last.oldestAt)}`);
    await sleep(100);
  }
}
