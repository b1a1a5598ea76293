import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandTrap, commitTransaction, insertInto } from '../helper/command-trap.js';
import { audit, eventLoad } from '../helper/event-load.js';
import { runningSystem, type System } from '../helper/system.js';
import { SLACK_MS, until } from '../helper/until.js';

/** mongod keeps the locks of a transaction whose client died for its lifetime of a minute, and looks twice a minute. */
const ABANDONED_TRANSACTION_MS = 120_000;

describe('acknowledged events, whatever dies', () => {
  let system: System;
  before(async () => {
    system = await runningSystem('ingest');
    await Promise.all([system.api.start(), system.worker.start()]);
  });
  after(() => system.stop());

  it('are stored once when each request is sent twice at once and batches overlap by half', async () => {
    const app = await system.app('twice');
    const load = eventLoad({ url: system.url, app, batches: 60, size: 40 });
    await audit(system, app, load);
    assert.deepEqual(load.refusals, []);
  });

  it('are stored once when the worker is killed inside its insert and inside its last transaction, again and again', async () => {
    await system.worker.stop();
    const trap = await commandTrap(system.mongodb, system.mongodbUrl);
    const trapped = system.workerWith({ MONGODB_URL: trap.url });
    const app = await system.app('killed-worker');
    const load = eventLoad({ url: system.url, app, batches: 400, size: 60, pauseMs: 150 });
    try {
      for (const [when, command] of [
        ['before', commitTransaction],
        ['after', insertInto('events')],
        ['before', insertInto('heatmap_events')],
        ['after', commitTransaction],
        ['after', insertInto('events')],
      ] as const) {
        await trapped.start();
        let died: Promise<string> | undefined;
        await trap.set(when, command, () => {
          died = trapped.kill('SIGKILL');
        });
        assert.equal(await died, 'killed by SIGKILL');
      }
    } finally {
      load.stop();
      await trapped.stop();
      await trap.close();
    }
    await system.worker.start();
    await audit(system, app, load, ABANDONED_TRANSACTION_MS);
  });

  it('are stored once when the API is told to stop under load, which it does in time and without refusing what it has', async () => {
    const app = await system.app('stopped-api');
    const load = eventLoad({ url: system.url, app, batches: 200, size: 20, pauseMs: 20 });
    await until('some of it', () => load.acknowledged() > 0);
    await sleep(1500);
    const before = load.acknowledged();
    const began = performance.now();
    const how = await system.api.kill('SIGTERM');
    assert.equal(how, 'exit code 0');
    const took = performance.now() - began;
    assert.ok(took < 20_000 + SLACK_MS, `it took ${String(took)} ms to stop`);
    await system.api.start();
    await audit(system, app, load);
    assert.ok(load.acknowledged() > before);
  });
});
