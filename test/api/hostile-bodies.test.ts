import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { applySchema } from '../../db/schema.js';
import { testDatabase } from '../helper/database.js';
import { type HostileApi, hostileApi } from '../helper/hostile/api.js';
import { type HostileBody, nameOf } from '../helper/hostile/body.js';
import { knownBodies } from '../helper/hostile/known.js';
import { threadCpuMs, watchLoop } from '../helper/hostile/loop.js';

/** Nobody else waits longer for one request, in CPU. */
const BAR_MS = 100;
const RUNS = 5;
/** What is so far from the bar is not measured again. */
const HOPELESS_MS = 5 * BAR_MS;

describe('the worst bodies known', () => {
  let api: HostileApi;
  let close: () => Promise<void>;
  before(async () => {
    const database = await testDatabase('hostile');
    ({ close } = database);
    await applySchema(database.db);
    api = await hostileApi(database.client, database.db);
  });
  after(async () => {
    await api.close();
    await close();
  });

  /** The best of five, since the collector of garbage comes when it likes; the first that is good is good enough. */
  async function longestMs(body: HostileBody): Promise<number> {
    const wire = api.wireTo(body);
    const { sentBytes, inflatedBytes } = api.targetOf(body);
    assert.ok(wire.bytes.length <= sentBytes && wire.inflatedBytes <= inflatedBytes, 'refused for its size');
    let best = Infinity;
    for (let run = 0; run < RUNS && best > BAR_MS; run++) {
      const watched = await api.watch(body, wire);
      assert.notEqual(watched.result.status, 500);
      best = Math.min(best, watched.longestMs);
      if (watched.longestMs > HOPELESS_MS) break;
    }
    await api.forget();
    return best;
  }

  for (const body of knownBodies()) {
    it(`yield within ${BAR_MS} ms: ${body.route}, ${body.format}, ${body.encoding}, ${nameOf(body)}`, async (t) => {
      const ms = await longestMs(body);
      t.diagnostic(`${ms.toFixed(0)} ms`);
      assert.ok(ms <= BAR_MS, `the loop was busy for ${ms.toFixed(0)} ms of CPU`);
    });
  }

  it('are looked for on every route that reads a body', () => {
    assert.deepEqual(api.uncovered, []);
  });

  it('are seen by a watch that sees a busy loop, and one that yields', async () => {
    const busy = (ms: number): void => {
      for (const began = threadCpuMs(); threadCpuMs() - began < ms;);
    };
    const blocked = await watchLoop(async () => {
      busy(3 * BAR_MS);
    });
    assert.ok(blocked.longestMs > 2 * BAR_MS, `${blocked.longestMs} ms`);
    const yielded = await watchLoop(async () => {
      for (let part = 0; part < 10; part++) {
        busy(BAR_MS / 5);
        await nextTurn();
      }
    });
    assert.ok(yielded.longestMs < BAR_MS, `${yielded.longestMs} ms`);
  });
});
