import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Db } from 'mongodb';
import { encodeEventBatch } from '../../proto/codec.js';
import { drained, eventRollups, recounted } from './audit.js';
import { finalReceipt } from './receipt.js';
import type { TestApp } from './system.js';

/** A batch as a client sends it, any number of times. */
interface Request {
  readonly body: Buffer;
  readonly contentType: string;
  readonly items: number;
}

interface Answer {
  readonly batchId: string;
  readonly eventsAccepted: number;
}

const TYPES = ['page_view', 'click', 'checkout'];
const SESSIONS = 50;
/** A batch that is not taken for so long is lost. */
const GIVE_UP_MS = 60_000;

interface LoadOptions {
  readonly url: string;
  readonly app: TestApp;
  readonly batches: number;
  /** Events of a batch; half of them are in the next batch too. As many heatmap points, likewise. */
  readonly size: number;
  readonly connections?: number;
  /** Waited by each connection between two batches. */
  readonly pauseMs?: number;
}

/**
 * Batches that hurt: each is sent twice at once, shares half with the next, every other one is JSON; a quarter of the
 * events have no id, and some heatmap points are there twice on purpose. A batch that is not acknowledged is sent again.
 */
export function eventLoad({ url, app, batches, size, connections = 8, pauseMs = 0 }: LoadOptions) {
  const began = Date.now() - 60_000;
  const run = randomUUID().slice(0, 8);
  const half = Math.floor(size / 2);
  /** How often each event and point must be stored in the end, by its number. */
  const wanted = { events: new Map<number, number>(), points: new Map<number, number>() };
  const answers: Answer[] = [];
  const refusals: number[] = [];
  let next = 0;
  let stopped = false;

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

  function request(index: number): Request {
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

  async function sendUntilTaken({ body, contentType, items }: Request): Promise<void> {
    const headers = { authorization: `Bearer ${app.key}`, 'content-type': contentType, accept: 'application/json' };
    const end = Date.now() + GIVE_UP_MS;
    for (;;) {
      assert.ok(Date.now() < end, `a batch is not taken: ${refusals.slice(-5).join(', ')}`);
      const answer = await fetch(`${url}/v1/events`, { method: 'POST', headers, body }).catch(() => undefined);
      if (answer?.status === 202) {
        const told = (await answer.json().catch(() => undefined)) as Answer | undefined;
        // An API that dies while it answers has acknowledged nothing that the client heard of.
        if (told !== undefined) {
          assert.equal(told.eventsAccepted, items);
          answers.push(told);
          return;
        }
      } else {
        if (answer !== undefined) assert.ok([429, 503].includes(answer.status), `answered ${String(answer.status)}`);
        refusals.push(answer?.status ?? 0);
        await sleep(100);
      }
    }
  }

  async function connection(): Promise<void> {
    while (next < batches && !stopped) {
      const sent = request(next++);
      await Promise.all([sendUntilTaken(sent), sendUntilTaken(sent)]);
      if (pauseMs > 0) await sleep(pauseMs);
    }
  }
  const all = Promise.all(Array.from({ length: connections }, connection));
  // Told by `done`, also when a test fails before it asks.
  all.catch(() => undefined);

  return {
    /** Acknowledgements so far; each batch has two in the end. */
    acknowledged: () => answers.length,
    /** Statuses other than 202; 0 for a connection that broke. */
    refusals,
    /** Begins no further batches; those begun are sent until they are taken. */
    stop: (): void => {
      stopped = true;
    },
    done: async (): Promise<void> => {
      await all;
    },
    result: () => ({ wanted, batchIds: [...new Set(answers.map(({ batchId }) => batchId))] }),
  };
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
  const { wanted, batchIds } = load.result();
  assert.deepEqual(differences(wanted.events, await counts(db, 'events', app, '$elementTid')), [], 'events');
  assert.deepEqual(differences(wanted.points, await counts(db, 'heatmap_events', app, '$x')), [], 'heatmap points');

  const recount = await recounted(db, app.id);
  assert.deepEqual(await eventRollups(db, app.id), recount, 'rollups');
  const rows = recount.reduce((sum, { count }) => sum + count, 0);

  let stored = 0;
  for (const batchId of batchIds) {
    const receipt = await finalReceipt(url, app.key, batchId);
    assert.equal(receipt.state, 'stored');
    assert.equal(receipt.stored + receipt.duplicates, receipt.accepted, `receipt of ${batchId}`);
    assert.equal(receipt.expired, 0);
    stored += receipt.stored;
  }
  assert.equal(stored, rows, 'what the receipts say, in all');
  assert.ok(load.acknowledged() >= 2 * batchIds.length);
}
