import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { BSON, Binary } from 'mongodb';
import { batchBuilder } from '../../api/ingest/batch-builder.js';
import { people } from '../../api/ingest/people.js';
import { apps } from '../../db/apps.js';
import { claim } from '../../db/claim.js';
import type { RefusedItemDoc } from '../../db/refused-items.js';
import { type FlushDoc, spool } from '../../db/spool.js';
import { TASK_QUEUE } from '../../domain/task-queue.js';
import { batchIngest, batchIngestId } from '../../workflows/batch-ingest.js';
import { spoolSweep } from '../../workflows/spool-sweep.js';
import { audit, eventLoad } from '../helper/event-load.js';
import { finalReceipt } from '../helper/receipt.js';
import { runningSystem, type System } from '../helper/system.js';
import { until } from '../helper/until.js';

const TWO_MINUTES = 120_000;

describe('a flush that holds what mongod refuses', () => {
  let system: System;
  before(async () => {
    system = await runningSystem('poison');
    await Promise.all([system.api.start(), system.worker.start()]);
  });
  after(() => system.stop());

  /** What an API with a fault in it would have acknowledged: the second of three documents has a text for its time. */
  async function acknowledgedPoison(appId: string) {
    const app = await apps(system.db).findBySlug(appId);
    assert.ok(app !== undefined);
    const builder = batchBuilder({ app, people: people(), now: Date.now() });
    const timestampMs = Date.now() - TWO_MINUTES;
    for (const n of [0, 1, 2]) {
      const nothing = { pageUrl: '', elementTid: String(n), metadata: {}, appId: '' };
      const contexts = { pageContext: undefined, elementContext: undefined };
      builder.event('events', n, {
        ...nothing,
        ...contexts,
        eventId: `poison-${String(n)}`,
        profileId: 'ada',
        sessionId: '',
        timestampMs,
        eventType: 'click',
      });
    }
    const batch = builder.finish({ kind: 'events', format: 'json', idempotencyKey: 'poison', body: Buffer.alloc(0) });
    const store = spool(system.db);
    const { flush, outcomes } = await claim(store, [batch], new Date(Date.now() - TWO_MINUTES));
    assert.ok(flush !== undefined);
    const flushes = system.db.collection<FlushDoc>('ingest_spool');
    const bytes = (await flushes.findOne({ _id: flush.id }))?.bytes;
    assert.ok(bytes !== undefined);
    const documents = batch.items.map((item) => BSON.deserialize(item.bytes ?? Buffer.alloc(0)));
    const bad = Buffer.concat(
      documents.map((document, index) =>
        Buffer.from(BSON.serialize(index === 1 ? { ...document, timestamp: 'yesterday' } : document)),
      ),
    );
    const change = (events: Binary) => flushes.updateOne({ _id: flush.id }, { $set: { 'bytes.events': events } });
    await change(new Binary(bad));
    return {
      id: flush.id,
      batchId: (outcomes[0] as { batchId: string }).batchId,
      /** The fault of the API is mended: the document as it should have been. */
      mend: () =>
        system.db
          .collection<RefusedItemDoc>('refused_items')
          .updateOne({ flushId: flush.id }, { $set: { bson: new Binary(batch.items[1]?.bytes) } }),
      find: () => flushes.findOne({ _id: flush.id }),
      tear: () => change(new Binary(Buffer.from([9, 0, 0, 0, 1, 2]))),
      heal: () => change(bytes.events),
    };
  }

  /** Stores a flush by a run of its own, with others' load beside it that must not suffer. */
  async function runBesideOthers({ id }: { readonly id: string }) {
    const others = await system.app(`healthy-${id.toLowerCase()}`);
    const load = eventLoad({ url: system.url, app: others, batches: 20, size: 20 });
    const begun = await system.temporal.workflow.start(batchIngest, {
      taskQueue: TASK_QUEUE,
      workflowId: batchIngestId(id),
      args: [{ flushIds: [id] }],
    });
    const result = await begun.result();
    await load.done();
    for (const batchId of load.batchIds()) {
      assert.equal((await finalReceipt(system.url, others.key, batchId)).state, 'stored');
    }
    await audit(system, others, load);
    return result;
  }

  const errorsOf = (id: string) =>
    system.log('worker').filter(({ level, workflowId }) => level === 50 && workflowId === batchIngestId(id));

  async function replay(name: string): Promise<void> {
    await system.temporal.workflow.execute(spoolSweep, {
      taskQueue: TASK_QUEUE,
      workflowId: name,
      args: [{ replayFailed: true }],
    });
  }

  const stored = (key: string, batchId: string, count: number) =>
    until('it is stored', async () => {
      const receipt = await finalReceipt(system.url, key, batchId);
      return receipt.state === 'stored' && receipt.stored === count && receipt;
    });

  it('is stored but for the item at fault, which is seen by ops and stored once after the fix', async () => {
    const app = await system.app('poisoned');
    const poison = await acknowledgedPoison(app.appId);
    assert.deepEqual(await runBesideOthers(poison), { stored: 2, expired: 0, refused: 1, failed: [] });
    assert.ok(errorsOf(poison.id).length > 0, 'an error with the id of the workflow');
    const receipt = await finalReceipt(system.url, app.key, poison.batchId);
    assert.deepEqual([receipt.state, receipt.stored, receipt.refused], ['stored', 2, 1]);

    await poison.mend();
    await replay('replay-refused');
    assert.equal((await stored(app.key, poison.batchId, 3)).refused, 0);
    const rows = await system.db.collection('events').find({ appId: app.id }).sort({ elementTid: 1 }).toArray();
    assert.deepEqual(
      rows.map((row) => row['eventId'] as string),
      ['poison-0', 'poison-1', 'poison-2'],
    );
  });

  it('is set aside as a whole where it cannot be read, with its claim, and stored once after the fix', async () => {
    const app = await system.app('unreadable');
    const poison = await acknowledgedPoison(app.appId);
    await poison.tear();
    assert.deepEqual(await runBesideOthers(poison), { stored: 0, expired: 0, failed: [poison.id] });
    const flush = await poison.find();
    assert.equal(flush?.state, 'failed');
    assert.match(flush.failure ?? '', /cannot be read/);
    assert.equal(flush.ids?.length, 3, 'it keeps its claim');
    assert.ok(flush.bytes !== undefined, 'and all that it holds');
    assert.equal((await finalReceipt(system.url, app.key, poison.batchId)).state, 'failed');
    assert.ok(errorsOf(poison.id).length > 0, 'an error with the id of the workflow');
    await metric('experience_spool_flushes{state="failed"} 1');

    await poison.heal();
    await replay('replay-failed');
    await stored(app.key, poison.batchId, 3);
    await metric('experience_spool_flushes{state="failed"} 0');
  });

  async function metric(line: string): Promise<void> {
    let text = '';
    await until(
      () => `no ${line} in\n${text.match(/^experience_spool.*$/gm)?.join('\n') ?? ''}`,
      async () => {
        text = await (await fetch(`${system.url}/metrics`)).text();
        return text.includes(`\n${line}\n`);
      },
    );
  }
});
