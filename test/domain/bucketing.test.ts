import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { bucketOf, bucketsOf, variantOf } from '../../domain/bucketing.js';
import { utf8 } from '../../domain/utf8.js';
import { vectors } from '../vectors/read.js';

/** What Unleash's own client puts people by; of ASCII it is the published rule. */
const unleash = createRequire(import.meta.url)('unleash-client/lib/strategy/util') as {
  readonly normalizedStrategyValue: (id: string, groupId: string) => number;
  readonly normalizedVariantValue: (id: string, groupId: string, normalizer: number) => number;
};

const flagKey = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.\-/]{0,30}$/);
const ascii = fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 60 });

describe('bucketOf', () => {
  it('has the buckets of the vectors', () => {
    const rows = vectors('bucketing') as readonly { flagKey: string; targetingKey: string; bucket: number }[];
    assert.ok(rows.length > 200);
    for (const row of rows) {
      assert.equal(bucketOf(row.flagKey, row.targetingKey), row.bucket, JSON.stringify(row));
    }
  });

  it('has the values that Unleash has published', () => {
    assert.equal(bucketOf('gr1', '123'), 73);
    assert.equal(bucketOf('groupX', '999'), 25);
    const inRollout = (flag: string, key: string, percentage: number) => bucketOf(flag, key) <= percentage;
    assert.ok(inRollout('Feature.flexibleRollout.10', '174', 10));
    assert.ok(!inRollout('Feature.flexibleRollout.10', '499', 10));
    assert.ok(inRollout('Feature.flexibleRollout.userId.55', '25', 55));
    assert.ok(inRollout('Feature.flexibleRollout.sessionId.42', '147', 42));
  });

  it("puts every ASCII key where Unleash's client puts it", () => {
    fc.assert(
      fc.property(flagKey, ascii, (flag, key) => {
        assert.equal(bucketOf(flag, key), unleash.normalizedStrategyValue(key, flag));
      }),
      { numRuns: 1_000 },
    );
  });

  it('deals people out evenly, for each flag in another way', () => {
    const counts = new Map<number, number>();
    let same = 0;
    for (let i = 0; i < 20_000; i++) {
      const bucket = bucketOf('checkout', `user-${i}`);
      counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
      if (bucket === bucketOf('search', `user-${i}`)) same++;
    }
    assert.equal(counts.size, 100);
    for (const [bucket, count] of counts) assert.ok(count > 130 && count < 270, `${bucket}: ${count}`);
    assert.ok(same > 130 && same < 270, String(same));
  });
});

describe('variantOf', () => {
  interface Row {
    readonly flagKey: string;
    readonly targetingKey: string;
    readonly variants: readonly { readonly key: string; readonly weight: number }[];
    readonly place: number;
    readonly variant: string;
  }

  it('has the variants of the vectors', () => {
    const rows = vectors('variants') as readonly Row[];
    assert.ok(rows.length > 100);
    for (const { flagKey, targetingKey, variants, place, variant } of rows) {
      const total = variants.reduce((sum, { weight }) => sum + weight, 0);
      assert.equal(bucketsOf(flagKey).placeOf(utf8(targetingKey), total), place);
      assert.equal(variantOf(flagKey, targetingKey, variants)?.key, variant, JSON.stringify([flagKey, targetingKey]));
    }
  });

  it("puts every ASCII key where Unleash's client puts it", () => {
    fc.assert(
      fc.property(flagKey, ascii, fc.integer({ min: 1, max: 100_000 }), (flag, key, total) => {
        assert.equal(bucketsOf(flag).placeOf(utf8(key), total), unleash.normalizedVariantValue(key, flag, total));
      }),
      { numRuns: 1_000 },
    );
  });

  it('never gives a variant without weight, and none where nothing has any', () => {
    const variants = [
      { key: 'none', weight: 0 },
      { key: 'all', weight: 1 },
      { key: 'neither', weight: 0 },
    ];
    for (let i = 0; i < 100; i++) {
      assert.equal(variantOf('f', `user-${i}`, variants)?.key, 'all');
    }
    assert.equal(variantOf('f', 'user-1', [{ key: 'none', weight: 0 }]), undefined);
    const none: readonly { readonly weight: number }[] = [];
    assert.equal(variantOf('f', 'user-1', none), undefined);
  });
});
