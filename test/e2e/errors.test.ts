import { after, before, describe, it } from 'node:test';
import { commandTrap, commitTransaction, insertInto } from '../helper/command-trap.js';
import { auditErrors, errorLoad } from '../helper/error-load.js';
import { runningSystem, type System } from '../helper/system.js';

/** mongod keeps the locks of a transaction whose client died for its lifetime, and looks now and then. */
const ABANDONED_TRANSACTION_MS = 120_000;

describe('acknowledged errors, whatever dies', () => {
  let system: System;
  before(async () => {
    system = await runningSystem('errors');
    await Promise.all([system.api.start(), system.worker.start()]);
  });
  after(() => system.stop());

  it('are counted once when each request is sent twice at once and batches overlap by half', async () => {
    const app = await system.app('twice');
    await auditErrors(system, app, errorLoad({ url: system.url, app, batches: 60, size: 40 }));
  });

  it('are counted once when two workers store them at once', async () => {
    const second = system.workerWith({});
    await second.start();
    try {
      const app = await system.app('two-workers');
      await auditErrors(system, app, errorLoad({ url: system.url, app, batches: 200, size: 30, connections: 16 }));
    } finally {
      await second.stop();
    }
  });

  it('are counted once when the worker is killed inside and after its last transaction, again and again', async () => {
    await system.worker.stop();
    const trap = await commandTrap(system.mongodb, system.mongodbUrl);
    const trapped = system.workerWith({ MONGODB_URL: trap.url });
    const app = await system.app('killed-worker');
    const load = errorLoad({ url: system.url, app, batches: 400, size: 40, pauseMs: 150 });
    try {
      for (const [when, command] of [
        ['before', commitTransaction],
        ['after', insertInto('errors')],
        ['after', commitTransaction],
        ['before', insertInto('errors')],
      ] as const) {
        await trapped.start();
        let died: Promise<string> | undefined;
        await trap.set(when, command, () => {
          died = trapped.kill('SIGKILL');
        });
        await died;
      }
    } finally {
      load.stop();
      await trapped.stop();
      await trap.close();
    }
    await system.worker.start();
    await auditErrors(system, app, load, ABANDONED_TRANSACTION_MS);
  });
});
