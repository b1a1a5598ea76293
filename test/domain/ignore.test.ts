import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type IgnoreFacts, ignoreEnded, type IgnoreRule } from '../../domain/ignore.js';

const never: IgnoreRule = { untilMs: null, occurrences: null, profiles: null, window: null };
const quiet: IgnoreFacts = { ms: 1_000, occurrenceCount: 10, affectedProfiles: 3, inWindow: 0 };
const after = (rule: Partial<IgnoreRule>, now: Partial<IgnoreFacts> = {}) =>
  ignoreEnded({ ...never, ...rule }, { ...quiet, ...now });

describe('ignoreEnded', () => {
  it('never ends what has no end', () => {
    const much = { ms: 9e15, occurrenceCount: 9e15, affectedProfiles: 9e15, inWindow: 9e15 };
    assert.equal(after({}, much), undefined);
  });

  it('ends at its date, and with the N-th more, not one before or after', () => {
    assert.equal(after({ untilMs: 1_001 }), undefined);
    assert.equal(after({ untilMs: 1_001 }, { ms: 1_001 }), 'until');
    assert.equal(after({ occurrences: 15 }, { occurrenceCount: 14 }), undefined);
    assert.equal(after({ occurrences: 15 }, { occurrenceCount: 15 }), 'occurrences');
    assert.equal(after({ profiles: 5 }, { affectedProfiles: 4 }), undefined);
    assert.equal(after({ profiles: 5 }, { affectedProfiles: 5 }), 'profiles');
    assert.equal(after({ window: { count: 7, minutes: 5 } }, { inWindow: 6 }), undefined);
    assert.equal(after({ window: { count: 7, minutes: 5 } }, { inWindow: 7 }), 'window');
  });

  it('ends with the first of several ends', () => {
    const rule = { untilMs: 5_000, occurrences: 15, profiles: 5, window: { count: 7, minutes: 5 } };
    assert.equal(after(rule), undefined);
    assert.equal(after(rule, { occurrenceCount: 20 }), 'occurrences');
    assert.equal(after(rule, { affectedProfiles: 20 }), 'profiles');
    assert.equal(after(rule, { inWindow: 20 }), 'window');
  });
});
