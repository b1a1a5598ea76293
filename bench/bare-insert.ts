import { randomUUID } from 'node:crypto';
import { BSON, type Db, type Document, ObjectId } from 'mongodb';
import { batchBuilder } from '../api/ingest/batch-builder.js';
import { people } from '../api/ingest/people.js';
import { occurrenceOf } from '../api/routes/errors-ingest.js';
import type { CollectionSpec } from '../db/collection.js';
import type { ErrorDoc, PendingError } from '../db/errors.js';
import { parseStackTrace } from '../domain/stack.js';
import { decodeErrorBatch } from '../proto/codec.js';
import { appOf } from '../test/helper/apps.js';
import { KINDS } from './load-bodies.js';

const BATCH = 1_000;
const WRITERS = 4;

/**
 * Documents a second that `insertMany` alone stores: the same documents, options and indexes, batches of 1,000,
 * four writers, `w: majority, j: true`.
 */
export async function bareInsertRate(
  db: Db,
  { options, indexes }: CollectionSpec,
  documents: (first: number, count: number) => Document[] | Promise<Document[]>,
  count: number,
): Promise<number> {
  const name = `bare_${randomUUID().slice(0, 8)}`;
  const collection = await db.createCollection(name, options);
  await collection.createIndexes([...indexes]);
  const batches: Document[][] = [];
  for (let first = 0; first < count; first += BATCH) batches.push(await documents(first, BATCH));
  const began = performance.now();
  const write = async (): Promise<void> => {
    for (let batch = batches.pop(); batch !== undefined; batch = batches.pop()) {
      await collection.insertMany(batch, { ordered: false, writeConcern: { w: 'majority', journal: true } });
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, write));
  const seconds = (performance.now() - began) / 1000;
  await collection.drop();
  return count / seconds;
}

/** As the API builds them. */
export function eventDocuments(first: number, count: number): Document[] {
  const now = Date.now();
  const builder = batchBuilder({ app: { ...appOf('bare'), id: new ObjectId() }, people: people(), now });
  for (let index = first; index < first + count; index++) {
    const person = String(index % 1_000);
    const path = `/products/${String(index % 500)}`;
    builder.event('events', index, {
      eventId: randomUUID(),
      appId: '',
      profileId: `user-${person}`,
      sessionId: `session-${person}`,
      timestampMs: now,
      eventType: ['page_view', 'click', 'scroll', 'hover', 'checkout'][index % 5] ?? 'click',
      pageUrl: `https://shop.example.com${path}`,
      elementTid: 'add-to-cart',
      metadata: { plan: 'pro', campaign: 'autumn' },
      pageContext: {
        path,
        title: 'A product',
        referrer: '',
        viewportWidth: 1440,
        viewportHeight: 900,
        loadTimeMs: 320,
      },
      elementContext: { tag: 'button', text: 'Add to cart', x: 120, y: 480, scrollDepthPct: 40 },
    });
  }
  const batch = builder.finish({ kind: 'events', format: 'json', idempotencyKey: undefined, body: Buffer.alloc(0) });
  return batch.items.map(({ bytes }) => BSON.deserialize(bytes ?? Buffer.alloc(0)));
}

/** Errors as the API builds them and as they are stored: with their frames and their group. */
export async function errorDocuments(first: number, count: number): Promise<Document[]> {
  const numbers = Array.from({ length: count }, (_, at) => first + at);
  const builder = batchBuilder({ app: { ...appOf('bare'), id: new ObjectId() }, people: people(), now: Date.now() });
  const { errors } = decodeErrorBatch(KINDS.errors.body(numbers, 1_000));
  for (const [index, error] of errors.entries()) await builder.error('errors', index, occurrenceOf(error));
  const batch = builder.finish({ kind: 'errors', format: 'json', idempotencyKey: undefined, body: Buffer.alloc(0) });
  return batch.items.map(({ bytes }, index) => {
    const error = BSON.deserialize(bytes ?? Buffer.alloc(0)) as PendingError;
    const stored: Omit<ErrorDoc, keyof PendingError> = {
      groupFingerprint: randomUUID(),
      groupId: new ObjectId(),
      ordinal: first + index,
      keptAs: 'first',
    };
    return { ...error, flags: {}, exceptions: parseStackTrace(error.stackTrace), ...stored };
  });
}
