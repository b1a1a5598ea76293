import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { BSON, Binary } from 'mongodb';
import { batchBuilder } from '../../api/ingest/batch-builder.js';
import { people } from '../../api/ingest/people.js';
import { apps } from '../../db/apps.js';
import { claim } from '../../db/claim.js';
import { type FlushDoc, spool } from '../../db/spool.js';
import { TASK_QUEUE } from '../../domain/task-queue.js';
import { batchIngest, batchIngestId } from '../../workflows/batch-ingest.js';
import { spoolSweep } from '../../workflows/spool-sweep.js';
import { audit, eventLoad } from '../helper/event-load.js';
import { finalReceipt } from '../helper/receipt.js';
import { runningSystem, type System } from '../helper/system.js';
import { until } from '../helper/until.js';

const TWO_MINUTES = 120_000;

describe('a flush that mongod refuses for ever', () => {
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
      mend: () => change(bytes.events),
      find: () => flushes.findOne({ _id: flush.id }),
    };
  }

  it('is set aside with its claim, seen by ops, in nobody else’s way, and stored once after the fix', async () => {
    const app = await system.app('poisoned');
    const poison = await acknowledgedPoison(app.appId);
    const begun = await system.temporal.workflow.start(batchIngest, {
      taskQueue: TASK_QUEUE,
      workflowId: batchIngestId(poison.id),
      args: [{ flushIds: [poison.id] }],
    });
    const others = await system.app('healthy');
    const load = eventLoad({ url: system.url, app: others, batches: 20, size: 20 });

    assert.deepEqual(await begun.result(), { stored: 0, expired: 0, failed: [poison.id] });
    const flush = await poison.find();
    assert.equal(flush?.state, 'failed');
    assert.match(flush.failure ?? '', /mongod refuses/);
    assert.equal(flush.ids?.length, 3, 'it keeps its claim');
    assert.ok(flush.bytes !== undefined, 'and all that it holds');
    assert.equal((await finalReceipt(system.url, app.key, poison.batchId)).state, 'failed');

    const warned = system.log('worker').filter((line) => JSON.stringify(line).includes(poison.id));
    const alert = warned.find(({ level, workflowId }) => level === 50 && workflowId === batchIngestId(poison.id));
    assert.ok(alert !== undefined, `an error with the workflow's id: ${JSON.stringify(warned)}`);
    await metric('experience_spool_flushes{state="failed"} 1');

    await load.done();
    const batchIds = load.batchIds();
    for (const batchId of batchIds) {
      assert.equal((await finalReceipt(system.url, others.key, batchId)).state, 'stored');
    }
    await audit(system, others, load);

    await poison.mend();
    const found = await system.temporal.workflow.execute(spoolSweep, {
      taskQueue: TASK_QUEUE,
      workflowId: 'replay-failed',
      args: [{ replayFailed: true }],
    });
    assert.equal(found, 1);
    // The sweep has only started the run.
    const { state, stored } = await until('it is stored', async () => {
      const receipt = await finalReceipt(system.url, app.key, poison.batchId);
      return receipt.state === 'stored' && receipt;
    });
    assert.deepEqual({ state, stored }, { state: 'stored', stored: 3 });
    const rows = await system.db.collection('events').find({ appId: app.id }).sort({ elementTid: 1 }).toArray();
    assert.deepEqual(
      rows.map((row) => row['eventId'] as string),
      ['poison-0', 'poison-1', 'poison-2'],
    );
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
