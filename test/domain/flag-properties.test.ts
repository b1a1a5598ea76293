import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { REASONS } from '../../domain/flag.js';
import { checkFlag } from '../../domain/flag-check.js';
import { compileFlags } from '../../domain/flag-evaluation.js';
import { setOf } from '../../domain/flag-set.js';
import { flagOf, ruleOf } from '../helper/flag.js';
import {
  contextArbitrary,
  contextOf,
  definitionsArbitrary,
  FLAG_KEYS,
  ruleArbitrary,
} from '../helper/flag-arbitraries.js';

const RUNS = { numRuns: 1_000 };
/** The only reason that a thousand random cases may happen not to have. */
const SPLIT = {
  version: 1,
  flags: [flagOf({ key: 'a', rules: [ruleOf({ variants: [{ key: 'x', value: true, weight: 1 }] })] })],
  segments: [],
};

describe('flags, for any definitions and any context', () => {
  it('are evaluated without throwing, all of them, and alone as together', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(definitionsArbitrary, contextArbitrary, (definitions, parts) => {
        const context = contextOf(parts);
        const compiled = compileFlags(definitions);
        const all = compiled.all(context);
        const set = setOf(compiled, context);
        assert.deepEqual(
          [...all.keys()],
          definitions.flags.map(({ key }) => key),
        );
        for (const { key, version, defaultValue } of definitions.flags) {
          const evaluation = compiled.evaluate(key, context);
          assert.ok(evaluation);
          const { value, reason, variant, ruleId, bucket } = evaluation;
          seen.add(reason);
          assert.deepEqual(all.get(key), evaluation);
          assert.deepEqual(compiled.explain(key, context)?.evaluation, evaluation);
          assert.ok(REASONS.includes(reason));
          assert.equal(evaluation.version, version);
          assert.equal(ruleId !== undefined, reason === 'SPLIT' || reason === 'TARGETING_MATCH');
          assert.equal(bucket !== undefined, reason === 'SPLIT');
          if (ruleId === undefined) assert.equal(value, defaultValue);

          assert.equal(set.flags[key], value);
          const stored = { reason, ...(variant !== undefined && { variant }), ...(ruleId !== undefined && { ruleId }) };
          if (reason === 'STATIC') assert.equal(set.reasons[key], undefined);
          else assert.deepEqual(set.reasons[key], { ...stored, ...(bucket !== undefined && { bucket }) });
        }
      }),
      { ...RUNS, examples: [[SPLIT, { targetingKey: 'ada', attributes: {} }]] },
    );
    assert.deepEqual([...seen].sort(), [...REASONS].sort());
  });

  it('have an explanation that fits the answer: the first rule that matches and takes in decides', () => {
    fc.assert(
      fc.property(definitionsArbitrary, contextArbitrary, fc.constantFrom(...FLAG_KEYS), (definitions, parts, key) => {
        const context = contextOf(parts);
        const explained = compileFlags(definitions).explain(key, context);
        if (explained === undefined) return;
        const { evaluation, rules, prerequisites } = explained;
        const isOn = definitions.flags.find((flag) => flag.key === key)?.enabled === true;
        if (!isOn || !prerequisites.every(({ met }) => met)) {
          assert.equal(evaluation.reason, 'DISABLED');
          return;
        }
        const first = rules.find(
          (rule) => rule.matched && rule.rolloutPercentage > 0 && (rule.inPercentage || rule.bucket === undefined),
        );
        assert.equal(evaluation.ruleId, first?.inPercentage === true ? first.ruleId : undefined);
        assert.equal(evaluation.reason === 'ERROR', first?.inPercentage === false);
      }),
      RUNS,
    );
  });

  it('do not depend on the order of the flags, nor on flags that have nothing to do with them', () => {
    fc.assert(
      fc.property(definitionsArbitrary, contextArbitrary, (definitions, parts) => {
        const context = contextOf(parts);
        const { flags } = definitions;
        const compiled = compileFlags(definitions);
        const turned = compileFlags({ ...definitions, version: 0, flags: flags.toReversed() });
        const more = compileFlags({
          ...definitions,
          flags: [...flags, flagOf({ key: 'unrelated', rules: [ruleOf()] })],
        });
        for (const { key } of flags) {
          assert.deepEqual(turned.evaluate(key, context), compiled.evaluate(key, context));
          assert.deepEqual(more.evaluate(key, context), compiled.evaluate(key, context));
        }
        assert.equal(setOf(turned, context).digest, setOf(compiled, context).digest);
        assert.notEqual(setOf(more, context).digest, setOf(compiled, context).digest);
      }),
      RUNS,
    );
  });

  it('have a digest that is the same exactly where values and reasons are', () => {
    fc.assert(
      fc.property(definitionsArbitrary, contextArbitrary, contextArbitrary, (definitions, one, other) => {
        const compiled = compileFlags(definitions);
        const [a, b] = [setOf(compiled, contextOf(one)), setOf(compiled, contextOf(other))];
        const same = JSON.stringify([a.flags, a.reasons]) === JSON.stringify([b.flags, b.reasons]);
        assert.equal(a.digest === b.digest, same);
        assert.match(a.digest, /^[0-9a-f]{32}$/);
      }),
      RUNS,
    );
  });

  it('have no broken rule where nothing was refused', () => {
    let accepted = 0;
    fc.assert(
      fc.property(definitionsArbitrary, ({ version, flags, segments }) => {
        for (const flag of flags) {
          if (checkFlag(flag, { flags, segments }).length > 0) continue;
          accepted++;
          assert.deepEqual(compileFlags({ version, flags: [flag], segments }).broken, []);
        }
      }),
      RUNS,
    );
    assert.ok(accepted > 100, String(accepted));
  });
});

describe('a rollout', () => {
  const percentage = fc.integer({ min: 0, max: 100 });

  it('takes nobody out when its percentage is raised, whatever the other rules are', () => {
    const keys = Array.from({ length: 50 }, (_, index) => `user-${index}`);
    fc.assert(
      fc.property(fc.array(ruleArbitrary, { maxLength: 3 }), percentage, percentage, (others, some, more) => {
        const [low, high] = [Math.min(some, more), Math.max(some, more)];
        const at = (rolloutPercentage: number) => {
          const rule = ruleOf({ ruleId: 'rollout', priority: 1, rolloutPercentage });
          const compiled = compileFlags({ version: 1, flags: [flagOf({ rules: [...others, rule] })], segments: [] });
          return (key: string) => compiled.evaluate('new-checkout', { targetingKey: key, attributes: {} })?.ruleId;
        };
        const [before, after] = [at(low), at(high)];
        for (const key of keys) {
          if (before(key) === 'rollout') assert.equal(after(key), 'rollout');
          else if (after(key) !== 'rollout') assert.equal(after(key), before(key));
        }
      }),
    );
  });

  it('keeps the variant of everybody it has taken in', () => {
    const variants = ['a', 'b', 'c'].map((key, index) => ({ key, value: true, weight: index + 1 }));
    fc.assert(
      fc.property(percentage, percentage, fc.string({ minLength: 1 }), (some, more, targetingKey) => {
        const at = (rolloutPercentage: number) =>
          compileFlags({
            version: 1,
            flags: [flagOf({ rules: [ruleOf({ rolloutPercentage, variants })] })],
            segments: [],
          }).evaluate('new-checkout', { targetingKey, attributes: {} });
        const [before, after] = [at(Math.min(some, more)), at(Math.max(some, more))];
        if (before?.variant !== undefined) assert.deepEqual(after, before);
      }),
    );
  });
});

describe('a context of hostile size', () => {
  it('is evaluated for 1,000 flags in less than a second', () => {
    const conditions = ['contains', 'matches', 'array_any', 'equals', 'cidr', 'semver_range', 'before', 'gt'].map(
      (operator) => ({
        attribute: operator === 'array_any' ? 'list' : 'text',
        operator: `${operator === 'contains' ? 'not_' : ''}${operator}`,
        values: [{ cidr: '10.0.0.0/8', semver_range: '^1.0.0', before: '2026-01-01', gt: '1' }[operator] ?? '(x+x+)+y'],
        caseInsensitive: true,
      }),
    );
    const flags = Array.from({ length: 1_000 }, (_, index) =>
      flagOf({
        key: `f${index}`,
        rules: conditions.map((condition) => ruleOf({ conditions: [condition, conditions[0] ?? condition] })),
      }),
    );
    const compiled = compileFlags({ version: 1, flags, segments: [] });
    const long = 'x'.repeat(1_000_000);
    for (const text of [
      long,
      'x'.repeat(8_192),
      'x'.repeat(1_024),
      `1.${'0'.repeat(8_000)}`,
      `${'1'.repeat(8_000)}e`,
    ]) {
      const before = process.cpuUsage();
      compiled.all({ targetingKey: text, attributes: { text, list: new Array(1_000).fill(text.slice(0, 8_192)) } });
      const { user, system } = process.cpuUsage(before);
      assert.ok(user + system < 1_000_000, `${text.slice(0, 10)} ${text.length}: ${(user + system) / 1_000} ms`);
    }
  });
});
