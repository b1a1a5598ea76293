import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openFlushes } from '../../worker/open-flushes.js';
import { batchIngest, batchIngestRun } from '../../workflows/batch-ingest.js';
import { testTemporal, unique } from '../helper/temporal.js';
import { until } from '../helper/until.js';

describe('the flushes that an open run is at', () => {
  let temporal: Awaited<ReturnType<typeof testTemporal>>;
  before(async () => {
    temporal = await testTemporal();
  });
  after(() => temporal.close());

  const summary = (id: string) => ({ id, batches: 1, items: 1, apps: ['shop'] });
  const silent = { warn: () => assert.fail('no warning') };

  it('are those of all open runs, also those deep in one, and no others', async () => {
    const list = openFlushes({ client: temporal.client, log: silent });
    const [a, b, c] = [unique('flush'), unique('flush'), unique('flush')];
    // A queue that nobody works on: these runs stay open.
    const taskQueue = unique('nobody');
    const start = (...ids: string[]) =>
      temporal.client.workflow.start(batchIngest, { ...batchIngestRun(ids.map(summary)), taskQueue });
    const runs = [await start(a, b), await start(c)];
    try {
      await until('all three are listed', async () => {
        const open = new Set(await list());
        return [a, b, c].every((id) => open.has(id));
      });
      await runs[0]?.terminate();
      await until('only the open one is listed', async () => {
        const open = new Set(await list());
        return !open.has(a) && !open.has(b) && open.has(c);
      });
    } finally {
      await runs[1]?.terminate();
    }
  });

  it('may be named by nobody: by a run of older code, or by a Temporal that cannot list', async () => {
    const of = (list: () => AsyncIterable<unknown>, warn: () => void) =>
      openFlushes({
        client: { workflow: { list } } as unknown as Parameters<typeof openFlushes>[0]['client'],
        log: { warn },
      });
    const older = async function* () {
      yield* [{ memo: { flushes: 1 } }, {}, { memo: { flushIds: ['a'] } }];
    };
    assert.deepEqual(await of(older, silent.warn)(), ['a']);
    let warnings = 0;
    const broken = async function* () {
      yield { memo: { flushIds: ['a'] } };
      throw new Error('visibility is away');
    };
    assert.deepEqual(await of(broken, () => warnings++)(), ['a'], 'what was heard is used');
    assert.equal(warnings, 1);
  });
});
