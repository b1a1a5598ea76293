import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { keepAs, sharesOf } from '../../domain/kept.js';

const keptOf = (maxStored: number, occurrences: number) => {
  const shares = sharesOf(maxStored);
  const kept = { first: 0, sample: 0, newest: 0 };
  const sampled: number[] = [];
  for (let ordinal = 1; ordinal <= occurrences; ordinal++) {
    const as = keepAs(ordinal, occurrences - ordinal, shares);
    if (as) kept[as]++;
    if (as === 'sample') sampled.push(ordinal);
  }
  return { kept, sampled };
};

describe('what a group keeps of its occurrences', () => {
  it('is everything, up to half of what it may store', () => {
    assert.deepEqual(keptOf(1_000, 500).kept, { first: 500, sample: 0, newest: 0 });
  });

  it('is the first, a sample of each doubling and the newest beyond that, within the bound', () => {
    const { kept, sampled } = keptOf(1_000, 1_000_000);
    assert.equal(kept.first, 500);
    assert.equal(kept.newest, 250);
    assert.ok(kept.sample > 100 && kept.sample <= 250, String(kept.sample));
    assert.ok(sampled.some((ordinal) => ordinal < 1_000) && sampled.some((ordinal) => ordinal > 900_000));
  });

  for (const maxStored of [0, 1, 2, 3, 10, 80, 81, 1_000]) {
    it(`never is more than the bound, which is ${String(maxStored)}`, () => {
      const { kept } = keptOf(maxStored, 100_000);
      assert.ok(kept.first + kept.sample + kept.newest <= maxStored);
      assert.equal(kept.first > 0, maxStored > 0);
    });
  }
});
