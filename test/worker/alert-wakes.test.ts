import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { alertWakes } from '../../worker/alert-wakes.js';
import { until } from '../helper/until.js';

const EVERY_MS = 60;

/** A client that only counts the wakes. */
function counting(fails = false) {
  const woken: string[] = [];
  const warnings: unknown[] = [];
  const signalWithStart = (_workflow: unknown, { workflowId }: { workflowId: string }): Promise<undefined> => {
    woken.push(workflowId);
    return fails ? Promise.reject(new Error('Temporal is away')) : Promise.resolve(undefined);
  };
  const client = { workflow: { signalWithStart } } as unknown as Parameters<typeof alertWakes>[0]['client'];
  const log = { warn: (facts: unknown) => void warnings.push(facts) };
  return { woken, warnings, wakes: alertWakes({ client, log, everyMs: EVERY_MS }) };
}

describe('waking after a flush', () => {
  it('happens at once, and for all flushes that follow once more', async () => {
    const { woken, wakes } = counting();
    for (let n = 0; n < 1_000; n++) wakes.onAlerts();
    assert.deepEqual(woken, ['alert-dispatch']);
    await until('another wake', () => woken.length > 1);
    await sleep(EVERY_MS * 4);
    assert.equal(woken.length, 2, 'so that the last of them is seen');
    wakes.onAlerts();
    assert.equal(woken.length, 3);
  });

  it('fails no flush when Temporal is away', async () => {
    const { warnings, wakes } = counting(true);
    assert.doesNotThrow(wakes.onAlerts);
    await sleep(5);
    assert.equal(warnings.length, 1);
  });

  it('reaches the workflow of a group by its id', async () => {
    const { woken, wakes } = counting();
    await wakes.wakeGroup('0123456789abcdef01234567');
    assert.deepEqual(woken, ['error-group/0123456789abcdef01234567']);
  });
});
