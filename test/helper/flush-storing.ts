import assert from 'node:assert/strict';
import { type Db, type MongoClient, ObjectId } from 'mongodb';
import { batchDeps } from '../../activities/batch-deps.js';
import { batchActivities, type BatchDeps } from '../../activities/batches.js';
import { batchBuilder } from '../../api/ingest/batch-builder.js';
import { people } from '../../api/ingest/people.js';
import type { App } from '../../db/apps.js';
import type { Batch } from '../../db/batch.js';
import { claim } from '../../db/claim.js';
import { lanes } from '../../db/lane.js';
import type { RefusedItemDoc } from '../../db/refused-items.js';
import { type FlushDoc, type Receipt, spool } from '../../db/spool.js';
import { appOf } from './apps.js';
import { addItem, type Kind } from './every-kind.js';

export const newApp = (): App => ({ ...appOf('app'), id: new ObjectId() });

export interface Item {
  readonly kind: Kind;
  readonly id: string;
}

/** A request with these items. */
export async function batchWith(app: App, items: readonly Item[], name = new ObjectId().toHexString()): Promise<Batch> {
  const builder = batchBuilder({ app, people: people(), now: Date.now() });
  for (const { kind, id } of items) await addItem(builder, kind, id);
  return builder.finish({ kind: 'events', format: 'json', idempotencyKey: undefined, body: Buffer.from(name) });
}

/** Acknowledging and storing over one database, as API and worker do it. */
export function flushStoring({ client, db }: { readonly client: MongoClient; readonly db: Db }) {
  const real = batchDeps({ client, db, lanes: lanes(client, db), onAlerts: () => undefined });
  const store = spool(db);
  const flushes = db.collection<FlushDoc>('ingest_spool');
  return {
    real,
    /** All of these as one flush. */
    async acknowledge(...batches: readonly Batch[]): Promise<string> {
      const { flush, outcomes } = await claim(store, batches, new Date());
      assert.ok(flush !== undefined && outcomes.every((outcome) => !(outcome instanceof Error)));
      return flush.id;
    },
    storer: (changes: Partial<BatchDeps> = {}) => batchActivities({ ...real, pauseMs: 0, ...changes }),
    flush: async (id: string): Promise<FlushDoc> => {
      const found = await flushes.findOne({ _id: id });
      assert.ok(found !== null);
      return found;
    },
    async receipt({ appId, key }: Batch): Promise<Receipt> {
      const found = await store.receipt(appId, key);
      assert.ok(found !== null);
      return found;
    },
    /** As when the dedupe window is over. */
    forget: (id: string) => flushes.deleteOne({ _id: id }),
    refused: (app: App): Promise<RefusedItemDoc[]> =>
      db.collection<RefusedItemDoc>('refused_items').find({ appId: app.id }).sort({ kind: 1 }).toArray(),
    /** How many documents of an app there are, by collection. */
    async counts(app: App, ...names: readonly string[]): Promise<number[]> {
      return Promise.all(names.map((name) => db.collection(name).countDocuments({ appId: app.id })));
    },
  };
}

export type FlushStoring = ReturnType<typeof flushStoring>;
