import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Flag } from '../../domain/flag.js';
import { compileFlags } from '../../domain/flag-evaluation.js';
import { setOf } from '../../domain/flag-set.js';
import { flagOf, ruleOf } from '../helper/flag.js';

const set = (flags: readonly Flag[], targetingKey = 'anna') =>
  setOf(compileFlags({ version: 1, flags, segments: [] }), { targetingKey, attributes: {} });

describe('setOf', () => {
  const variants = [{ key: 'red', value: '#f00', weight: 1 }];
  const flags = [
    flagOf({ key: 'static', defaultValue: true }),
    flagOf({ key: 'off', enabled: false }),
    flagOf({ key: 'on', rules: [ruleOf()] }),
    flagOf({ key: 'color', type: 'string', defaultValue: '', rules: [ruleOf({ value: '', variants })] }),
  ];

  it('holds each value, and each reason but STATIC', () => {
    const { flags: values, reasons } = set(flags);
    assert.deepEqual(values, { static: true, off: false, on: true, color: '#f00' });
    assert.deepEqual(reasons, {
      off: { reason: 'DISABLED' },
      on: { reason: 'TARGETING_MATCH', ruleId: 'rule-1' },
      color: { reason: 'SPLIT', variant: 'red', ruleId: 'rule-1', bucket: 61 },
    });
  });

  it('has another digest for every difference in an answer, and the same for every other one', () => {
    const { digest } = set(flags);
    const changed = (change: Partial<Flag>, index = 2) =>
      set(flags.map((flag, at) => (at === index ? { ...flag, ...change } : flag))).digest;
    assert.equal(changed({ version: 9 }), digest);
    assert.equal(changed({ rules: [ruleOf({ priority: 5 }), ruleOf({ ruleId: 'never', priority: 6 })] }), digest);
    assert.notEqual(changed({ rules: [ruleOf({ value: false })] }), digest);
    assert.notEqual(changed({ rules: [ruleOf({ ruleId: 'rule-2' })] }), digest);
    assert.notEqual(changed({ key: 'in' }), digest);
    assert.notEqual(changed({ enabled: false }), digest);
    assert.notEqual(changed({ rules: [ruleOf({ variants: [{ key: 'blue', value: '#f00', weight: 1 }] })] }, 3), digest);
    assert.notEqual(set(flags, 'ben').digest, digest);
    assert.equal(set([...flags].reverse()).digest, digest);
  });

  it('of no flags is empty', () => {
    assert.deepEqual(set([]), { flags: {}, reasons: {}, digest: '0'.repeat(32) });
  });

  it('holds a flag that is called __proto__ like any other', () => {
    const { flags: values, reasons } = set([flagOf({ key: '__proto__', enabled: false })]);
    assert.deepEqual(Object.entries(values), [['__proto__', false]]);
    assert.deepEqual(Object.keys(reasons), ['__proto__']);
  });

  it('survives a default that is no JSON', () => {
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    assert.equal(set([flagOf({ type: 'json', defaultValue: cyclic })]).flags['new-checkout'], cyclic);
  });
});
