import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { together } from '../../activities/together.js';

describe('doing together what waits', () => {
  function worker(most: number, fails: (items: readonly number[]) => boolean = () => false) {
    const pieces: (readonly number[])[] = [];
    let atOnce = 0;
    const run = together(
      async (items: readonly number[]) => {
        assert.equal((atOnce += 1), 1, 'two pieces at once');
        pieces.push(items);
        await sleep(5);
        atOnce -= 1;
        if (fails(items)) throw new Error(`not ${items.join()}`);
        return items.map((item) => item * 10);
      },
      (item) => item,
      most,
    );
    return { run, pieces };
  }

  it('takes the first alone, then all that came meanwhile, and gives each its own result', async () => {
    const { run, pieces } = worker(100);
    assert.deepEqual(await Promise.all([1, 2, 3, 4].map(run)), [10, 20, 30, 40]);
    assert.deepEqual(pieces, [[1], [2, 3, 4]]);
    assert.equal(await run(5), 50);
  });

  it('takes no more than it may at once, and always one', async () => {
    const { run, pieces } = worker(5);
    await Promise.all([1, 2, 3, 9, 1].map(run));
    assert.deepEqual(pieces, [[1], [2, 3], [9], [1]]);
  });

  it('tries each by itself where they fail together, so that only the culprit fails', async () => {
    const { run, pieces } = worker(100, (items) => items.includes(3));
    const results = await Promise.allSettled([1, 2, 3, 4].map(run));
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
    );
    assert.deepEqual(pieces, [[1], [2, 3, 4], [2], [3], [4]]);
  });
});
