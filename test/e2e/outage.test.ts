import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { spool } from '../../db/spool.js';
import { spoolSweep } from '../../workflows/spool-sweep.js';
import { audit, eventLoad } from '../helper/event-load.js';
import { runningSystem, type System } from '../helper/system.js';
import { SLACK_MS, until } from '../helper/until.js';

const OUTAGE_MS = 10_000;
/** A flush is looked for when it is a minute old, and the schedule looks once a minute. */
const SWEPT_MS = 150_000;

describe('acknowledged events, whatever is away', () => {
  let system: System;
  before(async () => {
    system = await runningSystem('outage', { own: true });
    await Promise.all([system.api.start(), system.worker.start()]);
  });
  after(() => system.stop());

  it('are stored once by the sweep when Temporal was away and the API that took them is dead', async () => {
    const app = await system.app('no-temporal');
    const { temporal } = system.engines();
    const load = eventLoad({ url: system.url, app, batches: 120, size: 20, connections: 4, pauseMs: 50 });
    await until('some of it', () => load.acknowledged() > 0);
    await temporal.kill('SIGKILL');
    const before = load.acknowledged();
    await until('acknowledging goes on without Temporal', () => load.acknowledged() > before);
    await sleep(1000);
    const meanwhile = load.acknowledged();
    // With it go the starts that it was still trying: only the sweep can find these flushes.
    await system.api.kill('SIGKILL');
    await system.api.start();
    await load.done();
    assert.ok(load.acknowledged() > meanwhile, 'and so does an API that starts without Temporal');
    await system.api.kill('SIGKILL');
    const { flushes } = await spool(system.db).backlog();
    assert.ok(flushes > 0);

    await Promise.all([temporal.start(), system.api.start()]);
    await audit(system, app, load, SWEPT_MS);
    const sweeps = system.temporal.workflow.list({ query: "WorkflowType = 'spoolSweep'" });
    let found = 0;
    for await (const { workflowId, runId } of sweeps) {
      const handle = system.temporal.workflow.getHandle<typeof spoolSweep>(workflowId, runId);
      found += await handle.result();
    }
    assert.ok(found > 0, 'the schedule found them');
  });

  it('are stored once when MongoDB was away, during which clients are told within three seconds to come again', async () => {
    const app = await system.app('no-mongodb');
    const { mongod } = system.engines();
    const load = eventLoad({ url: system.url, app, batches: 300, size: 20, connections: 4, pauseMs: 50 });
    await until('some of it', () => load.acknowledged() > 0);
    await mongod.kill('SIGKILL');
    const back = sleep(OUTAGE_MS).then(() => mongod.start());
    await sleep(1000);

    const began = performance.now();
    const answer = await fetch(`${system.url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${app.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ events: [], heatmapEvents: [] }),
    });
    assert.equal(answer.status, 503);
    assert.ok(Number(answer.headers.get('retry-after')) > 0);
    const took = performance.now() - began;
    assert.ok(took < 3_000 + SLACK_MS, `answered after ${String(took)} ms`);
    assert.match(String(answer.headers.get('content-type')), /problem\+json/);

    await back;
    await audit(system, app, load, SWEPT_MS);
    assert.ok(load.refusals.includes(503));
    assert.deepEqual(
      load.refusals.filter((status) => status !== 503),
      [],
    );
  });
});
