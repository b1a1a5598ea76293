import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  DEFAULT_GUARD,
  type Guard,
  GUARD_BOUNDS,
  type GuardCounts,
  guardFault,
  type GuardMetric,
  judge,
} from '../../domain/guard.js';
import { evidenceOf, type HitPattern, ratioEvidence, strataOf } from '../../domain/guard-evidence.js';
import { simulateMany } from '../helper/guard-simulation.js';

const CHECKOUT: GuardMetric = { kind: 'event', name: 'checkout_failed', harm: 'more' };
const TWO: Guard = { metrics: [{ kind: 'errors' }, CHECKOUT], alpha: 0.05, minProfiles: 100 };
const ONE: Guard = { ...DEFAULT_GUARD, minProfiles: 100 };

describe('1,000 rollouts', () => {
  // 4,000 profiles are active in each step, one in twenty meets each metric in it; one in ten of them is six times as
  // prone as the others, in every step and for both metrics. A look each minute.
  const people = { profiles: 4_000, rate: 0.05, percents: [1, 5, 25, 100], minutes: 20, swing: 0 } as const;
  const share = (count: number) => count / 1_000;

  it('without harm are reverted in at most the stated share', () => {
    const { reverted, looks } = simulateMany(1_000, TWO, { ...people, risks: [1, 1] });
    assert.ok(share(reverted) <= TWO.alpha, `${String(reverted)} of 1,000`);
    assert.ok(looks > 75_000, 'nearly all went to their end, looked at each minute');
  });

  it('with a doubled rate of one metric are reverted before the last step nine times out of ten', () => {
    const { beforeLast } = simulateMany(1_000, TWO, { ...people, risks: [2, 1] });
    assert.ok(share(beforeLast) >= 0.9, `${String(beforeLast)} of 1,000`);
  });

  it('that do good are not reverted, also where everything rises and falls with the hour', () => {
    const { reverted } = simulateMany(1_000, TWO, { ...people, profiles: 1_000, risks: [0.5, 0.5] });
    assert.ok(share(reverted) <= TWO.alpha / 5, `${String(reverted)} of 1,000`);
    const swinging = simulateMany(1_000, TWO, {
      ...people,
      percents: [1, 5, 25, 50],
      profiles: 1_000,
      risks: [1, 1],
      swing: 0.8,
    });
    assert.ok(share(swinging.reverted) <= TWO.alpha, `${String(swinging.reverted)} of 1,000`);
  });
});

describe('what is known of the bucket of a hit', () => {
  const percents = [5, 25, 100];
  const strata = (...patterns: HitPattern[]) => strataOf(patterns, percents);

  it('is nothing at first: it is exposed with the share of the percentage', () => {
    assert.deepEqual(strata({ bucket: 3, windows: [0], count: 7 }, { bucket: 6, windows: [0], count: 2 }), [
      { share: 0.05, exposed: 7, control: 2 },
    ]);
  });

  it('is that it was control in a window before', () => {
    assert.deepEqual(strata({ bucket: 20, windows: [0, 1], count: 1 }), [
      { share: 0.05, exposed: 0, control: 1 },
      { share: 20 / 95, exposed: 1, control: 0 },
    ]);
  });

  it('is all there is to know once it was exposed, and at 100 %', () => {
    assert.deepEqual(strata({ bucket: 3, windows: [0, 1, 2], count: 1 }), [{ share: 0.05, exposed: 1, control: 0 }]);
    assert.deepEqual(strata({ bucket: 3, windows: [2], count: 1 }), []);
  });

  it('holds where a percentage was lowered by somebody', () => {
    const found = strataOf([{ bucket: 8, windows: [0, 1], count: 1 }], [25, 10]);
    assert.deepEqual(found, [
      { share: 0.25, exposed: 1, control: 0 },
      { share: 10 / 25, exposed: 1, control: 0 },
    ]);
    assert.deepEqual(strataOf([{ bucket: 50, windows: [0, 1], count: 1 }], [25, 10]).length, 1);
  });
});

describe('evidence', () => {
  it('is 1 without hits and grows with each that is exposed', () => {
    assert.ok(Math.abs(evidenceOf([], 'more') - 1) < 1e-12);
    let before = 1;
    for (let exposed = 1; exposed < 200; exposed++) {
      const now = evidenceOf([{ share: 0.25, exposed, control: 20 }], 'more');
      if (exposed > 20) assert.ok(now > before);
      before = now;
    }
    assert.ok(Number.isFinite(evidenceOf([{ share: 0.01, exposed: 1e6, control: 0 }], 'more')));
  });

  it('is 1 on average over the next hit, where it is exposed as often as its share says', () => {
    for (const harm of ['more', 'fewer'] as const) {
      for (const share of [0.01, 0.2, 0.5]) {
        const after = (exposed: number, control: number) =>
          evidenceOf(
            [
              { share: 0.25, exposed: 5, control: 9 },
              { share, exposed, control },
            ],
            harm,
          );
        const mean = share * after(1, 0) + (1 - share) * after(0, 1);
        assert.ok(Math.abs(mean - after(0, 0)) < 1e-9, `${String(mean)} ${harm}`);
      }
    }
  });

  it('speaks of fewer where fewer is harm', () => {
    const few = [{ share: 0.5, exposed: 20, control: 80 }];
    assert.ok(evidenceOf(few, 'fewer') > 1_000);
    assert.ok(evidenceOf(few, 'more') < 0.01);
  });

  it('sees buckets that do not fit the percentage', () => {
    assert.ok(ratioEvidence(250, 1_000, 0.25) < 1);
    assert.ok(ratioEvidence(0, 1_000, 0.25) > 1e9);
    assert.ok(ratioEvidence(400, 1_000, 0.25) > 1e9);
    assert.ok(ratioEvidence(0, 0, 0.25) <= 1);
  });
});

describe('a look', () => {
  /** So many active in each bucket. */
  const active = (each: number) => new Array<number>(100).fill(each);
  const hits = (exposed: number, control: number): HitPattern[] => [
    { bucket: 1, windows: [0], count: exposed },
    { bucket: 100, windows: [0], count: control },
  ];
  const counts = (more: Partial<GuardCounts> = {}): GuardCounts => ({
    active: active(10),
    hits: [hits(25, 75)],
    after: null,
    ...more,
  });
  const at25 = [{ percent: 25 }];

  it('lets a rollout go on where the two sides are alike', () => {
    const { harm, hold, metrics } = judge(ONE, at25, counts(), true);
    assert.deepEqual([harm, hold], [null, null]);
    assert.deepEqual(metrics[0]?.exposed, { profiles: 250, hit: 25 });
    assert.deepEqual(metrics[0].control, { profiles: 750, hit: 75 });
  });

  it('finds harm, and names the metric', () => {
    const { harm, metrics } = judge(TWO, at25, counts({ hits: [hits(25, 75), hits(80, 75)] }), true);
    assert.equal(harm, 'checkout_failed');
    assert.deepEqual(
      metrics.map(({ harmed }) => harmed),
      [false, true],
    );
  });

  it('asks for more evidence the more metrics there are, and where it ends at 100 %', () => {
    const needed = (guard: Guard, all: boolean) =>
      Math.round(judge(guard, at25, counts(), all).metrics[0]?.needed ?? 0);
    assert.equal(needed(ONE, false), 20);
    assert.equal(needed(ONE, true), 25);
    assert.equal(needed({ ...TWO, alpha: 0.01 }, false), 200);
  });

  it('holds where too few have come, counted by the share that was to be', () => {
    assert.equal(judge(ONE, at25, counts({ active: active(3) }), true).hold, 'sample');
    assert.equal(judge(ONE, [{ percent: 1 }], counts({ active: active(99) }), true).hold, 'sample');
    assert.equal(judge(ONE, [{ percent: 1 }], counts({ active: active(100) }), true).hold, null);
    assert.equal(judge(ONE, at25, counts({ active: active(0), hits: [[]] }), true).hold, 'sample', 'no data');
  });

  it('holds where the buckets that came cannot be those of chance', () => {
    const lost = active(10).map((many, index) => (index < 25 ? 0 : many));
    assert.equal(judge(ONE, at25, counts({ active: lost }), true).hold, 'ratio');
  });

  it('compares a window of 100 % with the control before it, and holds without one', () => {
    const windows = [{ percent: 25 }, { percent: 100 }];
    const after = (exposed: number, control: number) => ({ pairs: 1_000, hits: [{ exposed, control }] });
    const look = (more: Partial<GuardCounts>) => judge(ONE, windows, counts({ hits: [[]], ...more }), true);
    assert.equal(look({ after: after(50, 52) }).harm, null);
    const harmed = look({ after: after(120, 50) });
    assert.equal(harmed.harm, 'errors');
    assert.deepEqual(harmed.metrics[0]?.exposed, { profiles: 1_000, hit: 120 });
    assert.equal(Math.round(harmed.metrics[0].needed), 100);
    assert.equal(look({ after: null }).hold, 'sample');
    assert.equal(look({ after: { pairs: 99, hits: [{ exposed: 0, control: 0 }] } }).hold, 'sample');
  });
});

describe('the shape of a guard', () => {
  it('is checked', () => {
    assert.equal(guardFault(DEFAULT_GUARD), undefined);
    assert.equal(guardFault(TWO), undefined);
    const bad: readonly Partial<Guard>[] = [
      { metrics: [] },
      { metrics: [CHECKOUT, CHECKOUT] },
      {
        metrics: Array.from({ length: GUARD_BOUNDS.metrics + 1 }, (_, index) => ({ ...CHECKOUT, name: String(index) })),
      },
      { metrics: [{ ...CHECKOUT, name: '' }] },
      { metrics: [{ ...CHECKOUT, name: 'errors' }] },
      { metrics: [{ ...CHECKOUT, harm: 'none' as never }] },
      { metrics: [{ kind: 'nonsense' } as never] },
      { alpha: 0 },
      { alpha: 0.5 },
      { alpha: NaN },
      { minProfiles: 1 },
      { minProfiles: 20.5 },
    ];
    for (const each of bad) assert.notEqual(guardFault({ ...TWO, ...each }), undefined, JSON.stringify(each));
  });
});
