import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type FlagLife, stalenessOf } from '../../domain/flag-stale.js';
import { DAY_MS } from '../../domain/limits.js';
import { ruleOf } from '../helper/flag.js';

const NOW = 100 * DAY_MS;
const ago = (days: number): number => NOW - days * DAY_MS;
const life = (fields: Partial<FlagLife> = {}): FlagLife => ({
  enabled: true,
  rules: [ruleOf({ rolloutPercentage: 50 })],
  createdAtMs: ago(90),
  updatedAtMs: ago(60),
  expiresAtMs: undefined,
  lastReadMs: ago(0),
  ...fields,
});
const reasons = (fields: Partial<FlagLife>, afterDays = 30): string[] =>
  stalenessOf(life(fields), NOW, afterDays).map(({ reason }) => reason);

describe('a stale flag', () => {
  it('is one that is the same for everybody, unchanged for so long', () => {
    const all = [ruleOf()];
    assert.deepEqual(reasons({ rules: all }), ['settled']);
    assert.deepEqual(reasons({ rules: all, updatedAtMs: ago(29) }), []);
    assert.deepEqual(reasons({ enabled: false }), ['settled'], 'off');
    assert.deepEqual(reasons({ rules: [] }), ['settled'], 'without a rule');
    assert.deepEqual(reasons({ rules: [ruleOf({ rolloutPercentage: 0 })] }), ['settled'], 'at 0 %');
    assert.deepEqual(stalenessOf(life({ rules: all }), NOW, 30), [{ reason: 'settled', sinceMs: ago(60) }]);
  });

  it('is none while people differ', () => {
    const de = { attribute: 'country', operator: 'equals', values: ['de'] };
    assert.deepEqual(reasons({}), [], 'a part of them');
    assert.deepEqual(reasons({ rules: [ruleOf({ conditions: [de] })] }), [], 'those it is for');
    const variant = (key: string) => ({ key, value: true, weight: 1 });
    assert.deepEqual(reasons({ rules: [ruleOf({ variants: [variant('a'), variant('b')] })] }), []);
    const first = ruleOf({ priority: 1, conditions: [de] });
    assert.deepEqual(reasons({ rules: [ruleOf({ priority: 2 }), first] }), [], 'by priority, not by place');
    assert.deepEqual(reasons({ rules: [ruleOf({ priority: 1 }), { ...first, priority: 2 }] }), ['settled']);
  });

  it('is one that nobody has asked for, for so long since then or since it was made', () => {
    assert.deepEqual(reasons({ lastReadMs: ago(30) }), ['unread']);
    assert.deepEqual(reasons({ lastReadMs: ago(29) }), []);
    assert.deepEqual(reasons({ lastReadMs: undefined }), ['unread']);
    assert.deepEqual(reasons({ lastReadMs: undefined, createdAtMs: ago(10), updatedAtMs: ago(10) }), []);
  });

  it('is one past its expiry, also where nothing else is judged', () => {
    assert.deepEqual(reasons({ expiresAtMs: ago(1) }), ['expired']);
    assert.deepEqual(reasons({ expiresAtMs: NOW + 1 }), []);
    assert.deepEqual(reasons({ expiresAtMs: ago(1), enabled: false, lastReadMs: undefined }, 0), ['expired']);
    assert.deepEqual(reasons({ expiresAtMs: ago(1), enabled: false, lastReadMs: ago(40) }), [
      'expired',
      'settled',
      'unread',
    ]);
  });
});
