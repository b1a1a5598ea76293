import assert from 'node:assert/strict';
import { it } from 'node:test';
import { together } from '../../activities/together.js';
import { groupCommit } from '../../api/ingest/group-commit.js';
import { dailyQuota } from '../../api/ingest/quota.js';
import { spoolGate } from '../../api/ingest/spool-gate.js';
import { ingestStarter } from '../../api/ingest/starter.js';
import { knownSecrets } from '../../api/known-secrets.js';
import { repeating } from '../../api/repeating.js';
import { temporalClient } from '../../api/temporal.js';
import { alertWakes } from '../../worker/alert-wakes.js';
import { escaping } from '../helper/escaping.js';
import { staysThoughThereFails } from '../helper/trouble.js';
import { until } from '../helper/until.js';
import { ObjectId } from 'mongodb';

const appId = new ObjectId();
const app = { id: appId, appId: 'shop', config: { maxEventsPerDay: 1 } };
const resolved = Promise.resolve(undefined);
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

staysThoughThereFails([
  {
    name: 'who tells of keys and tokens, its stream and its log',
    begin: (it_) => {
      const hash = 'a'.repeat(64);
      const source = {
        after: it_.does(Promise.resolve([{ _id: appId, hash }])),
        watch: it_.does({ next: it_.does(new Promise<undefined>(() => undefined)), close: it_.does(resolved) }),
      };
      const log = { warn: it_.does(undefined), debug: it_.does(undefined) };
      const secrets = knownSecrets({ sources: [source], log, everyMs: 5 });
      void secrets.start();
      return { goesOn: () => secrets.isUpToDate() && secrets.has(hash), stop: secrets.stop };
    },
  },
  {
    name: 'what is repeated',
    begin: (it_) => {
      const { stop } = repeating(5, it_.does(resolved), it_.does(undefined));
      return { goesOn: () => it_.calls() > 1, stop };
    },
  },
  {
    name: 'who is told of the backlog of the spool',
    begin: (it_) => {
      const backlog = { flushes: 0, bytes: 0, oldestAt: null, failed: 0 };
      const gate = spoolGate({
        spool: { backlog: () => Promise.resolve(backlog) },
        maxBytes: 1,
        onBacklog: it_.does(undefined),
        log: { error: it_.does(undefined) },
      });
      return { goesOn: () => it_.calls() > 0, stop: gate.stop };
    },
  },
  {
    name: 'the clock of a quota, and who stores it',
    begin: (it_) => {
      let isOpen = false;
      const quota = dailyQuota({
        usage: { add: () => (isOpen ? it_.does(Promise.resolve(0))() : Promise.resolve(0)) },
        category: 'events',
        mostOf: () => 1,
        now: () => (isOpen ? it_.does(0)() : 0),
        log: { error: it_.does(undefined) },
      });
      // Of no app is known yet: what is shared by a timer begins with the first look.
      void quota.check(app as never)?.then(() => (isOpen = true));
      return { goesOn: () => it_.calls() > 0, stop: quota.stop };
    },
  },
  {
    name: 'what the starter of workflows asks for Temporal, and its log',
    begin: (it_) => {
      const client = { workflow: { start: it_.does(resolved) } };
      const temporal = it_.does(client) as never as Parameters<typeof ingestStarter>[0]['temporal'];
      const starter = ingestStarter({ temporal, log: { info: it_.does(undefined), warn: it_.does(undefined) } });
      const flush = (id: string) => ({ id, batches: 1, items: 1, apps: ['shop'] });
      for (let n = 0; n < 15; n++) starter.add(flush(String(n)));
      return {
        goesOn: () => {
          starter.add(flush('next'));
          return it_.calls() > 0;
        },
        stop: starter.drain,
      };
    },
  },
  {
    name: 'who is told of a flush',
    begin: (it_) => {
      const commit = groupCommit({
        claim: () =>
          Promise.resolve({
            flush: { id: '1', batches: 1, items: 1, apps: [] },
            outcomes: [{ batchId: 'b', accepted: 1 } as never],
          }),
        onFlushed: it_.does(undefined),
        log: { error: it_.does(undefined) },
      });
      const batch = { items: [], rejected: [], touches: [], bytes: 1 } as never;
      const submitted = commit.submit(batch);
      return {
        // What is on disk is acknowledged all the same.
        goesOn: async () => {
          await submitted;
          await commit.submit(batch);
          return it_.calls() > 0;
        },
        stop: commit.drain,
      };
    },
  },
  {
    name: 'Temporal, where alerts are told, and the log',
    begin: (it_) => {
      const client = { workflow: { signalWithStart: it_.does(resolved) } } as never;
      const wakes = alertWakes({ client, log: { warn: it_.does(undefined) }, everyMs: 5 });
      wakes.onAlerts();
      return {
        goesOn: () => {
          wakes.onAlerts();
          return it_.calls() > 1;
        },
      };
    },
  },
  {
    name: 'the weight of what is done together',
    begin: (it_) => {
      const weight = it_.does<number>(1);
      const run = together((items: readonly number[]) => Promise.resolve(items), weight, 1);
      const asked = Promise.allSettled([run(1), run(2)]);
      return {
        goesOn: async () => {
          await asked;
          return (await run(3)) === 3;
        },
      };
    },
  },
]);

it('a process stays though the log fails of who calls Temporal that is away', async (t) => {
  const escaped = escaping(t);
  let said = 0;
  const fail = (): never => {
    said += 1;
    throw new Error('no log');
  };
  const temporal = temporalClient({ address: '127.0.0.1:1', namespace: 'x', log: { ...quiet, warn: fail } });
  await until('it has tried twice', () => said > 1);
  await temporal.stop();
  assert.deepEqual(await escaped(), []);
});
