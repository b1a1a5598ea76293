import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judgeRule, type SpikeRule, type ThresholdRule } from '../../domain/alert-rules.js';

const MINUTE = 60_000;
const DAY = 86_400_000;
/** Noon, the beginning of a slot. */
const NOON = Date.UTC(2026, 10, 24, 12);
const LONG_AGO = NOON - 30 * DAY;

const slot = (ms: number) => Math.floor(ms / (5 * MINUTE));
/** Counts by how many minutes before noon they were. */
const before = (...entries: readonly (readonly [minutes: number, count: number])[]) => {
  const counts = new Map<number, number>();
  for (const [minutes, count] of entries) {
    const at = slot(NOON - minutes * MINUTE);
    counts.set(at, (counts.get(at) ?? 0) + count);
  }
  return counts;
};

describe('a threshold', () => {
  const rule: ThresholdRule = { kind: 'threshold', count: 10, minutes: 15 };
  const judge = (counts: ReadonlyMap<number, number>, nowMs = NOON, firstSeenMs = LONG_AGO) =>
    judgeRule(rule, counts, { nowMs, firstSeenMs });

  it('fires for more than so many, and not for so many', () => {
    assert.deepEqual(judge(before([5, 11])), { count: 11, minutes: 15, limit: 10 });
    assert.equal(judge(before([5, 10])), undefined);
    assert.equal(judge(new Map()), undefined);
  });

  it('adds up the whole window, also of a group that is new', () => {
    assert.deepEqual(judge(before([0, 4], [5, 4], [10, 3]), NOON + 4 * MINUTE, NOON - 10 * MINUTE)?.count, 11);
  });

  it('leaves out what came before the window, and what claims to come after it', () => {
    assert.equal(judge(before([20, 1000])), undefined);
    assert.equal(judge(before([-5, 1000])), undefined);
  });

  it('counts the oldest five minutes by their share in the window', () => {
    const counts = before([15, 10], [0, 4]);
    assert.equal(judge(counts, NOON + 1 * MINUTE)?.count, 12);
    assert.equal(judge(counts, NOON + 2 * MINUTE), undefined, '4 + 3/5 of 10 are 10');
    assert.equal(judge(counts, NOON + 4 * MINUTE), undefined);
  });

  it('does not miss a burst that ended just before it looked', () => {
    assert.equal(judge(before([15, 11]), NOON + 4 * MINUTE)?.count, 11, 'the last whole quarter of an hour had them');
  });
});

describe('a spike', () => {
  const rule: SpikeRule = { kind: 'spike', factor: 4, minutes: 10, floor: 20 };
  const judge = (counts: ReadonlyMap<number, number>, firstSeenMs = LONG_AGO, nowMs = NOON + 5 * MINUTE - 1) =>
    judgeRule(rule, counts, { nowMs, firstSeenMs });

  /** So many in each five minutes of the days before, and in the window. */
  function history(each: number, inWindow: number, days = 8): Map<number, number> {
    const counts = new Map<number, number>();
    for (let at = slot(NOON) - 2; at >= slot(NOON) - days * 288; at--) counts.set(at, each);
    counts.set(slot(NOON), inWindow);
    return counts;
  }

  it('is more than so many times the group’s own usual', () => {
    assert.deepEqual(judge(history(3, 25)), { count: 25, minutes: 10, factor: 4, baseline: 6 });
    assert.equal(judge(history(3, 24)), undefined, 'not more than four times six');
    assert.equal(judge(history(100, 400)), undefined, 'loud groups are used to it');
  });

  it('is none below the floor, however quiet the group was', () => {
    assert.equal(judge(before([0, 19])), undefined);
    assert.deepEqual(judge(before([0, 20])), { count: 20, minutes: 10, factor: 4, baseline: 0 });
  });

  it('is not judged before the group is known for a day', () => {
    assert.equal(judge(before([0, 500]), NOON - DAY), undefined);
    assert.equal(judge(before([0, 500]), NOON - DAY - 15 * MINUTE)?.count, 500);
  });

  it('takes the mean of the time that the group is known, not of a week', () => {
    const known = 2 * DAY;
    assert.equal(judge(history(3, 24, 2), NOON - known), undefined, 'six in ten minutes since it is known');
  });

  it('is none when it is like that at this time of each day', () => {
    const nightly = before([0, 100]);
    for (let day = 1; day <= 7; day++) nightly.set(slot(NOON - day * DAY), 90);
    assert.equal(judge(nightly), undefined);
    const once = before([0, 100]);
    once.set(slot(NOON - 3 * DAY), 90);
    assert.equal(judge(once)?.count, 100, 'once in a week is not each day');
  });

  it('looks back for a week and no longer', () => {
    const older = before([0, 50]);
    for (let at = slot(NOON - 20 * DAY); at < slot(NOON - 8 * DAY); at++) older.set(at, 1000);
    assert.equal(judge(older)?.count, 50);
  });
});
