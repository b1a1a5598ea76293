import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { garbage } from '../../api/garbage.js';
import { until } from '../helper/until.js';

const MIB = 1024 * 1024;
const log = { debug: () => undefined };

/** A process whose memory and business the test sets, and how often it was told to collect and looked at. */
function process_() {
  const is = { used: 100 * MIB, busy: 0, looks: 0, collected: 0 };
  const collecting = garbage({
    log,
    everyMs: 1,
    usedBytes: () => is.used,
    busyShare: () => {
      is.looks += 1;
      return is.busy;
    },
    async collect() {
      is.collected += 1;
      is.used = 110 * MIB;
    },
  });
  const looked = async (times: number): Promise<void> => {
    const from = is.looks;
    await until('looked at', () => is.looks >= from + times);
  };
  return { is, looked, stop: collecting.stop };
}

describe('what a burst leaves behind', () => {
  it('is collected once the process rests', async () => {
    const { is, looked, stop } = process_();
    is.busy = 0.9;
    is.used = 500 * MIB;
    await looked(5);
    assert.equal(is.collected, 0);
    is.busy = 0.01;
    await until('collected', () => is.collected > 0);
    await looked(5);
    assert.equal(is.collected, 1);
    await stop();
  });

  it('is left alone where it is little', async () => {
    const { is, looked, stop } = process_();
    is.used = 180 * MIB;
    await looked(5);
    is.used = 90 * MIB;
    await looked(2);
    is.used = 170 * MIB;
    await looked(5);
    assert.equal(is.collected, 0);
    await stop();
  });

  it('is collected indeed', async () => {
    const collecting = garbage({ log, everyMs: 5, busyShare: () => 0 });
    const texts = Array.from({ length: 200 }, (_, n) => Array.from({ length: 131_072 }, (_each, at) => at + n));
    const used = () => process.memoryUsage().heapUsed;
    const full = used();
    texts.length = 0;
    await until('collected', () => used() < full - 150 * MIB);
    await collecting.stop();
  });
});
