import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Flag, FlagCondition, FlagRule, Segment } from '../../domain/flag.js';
import { checkFlag, checkSegment, type OtherDefinitions } from '../../domain/flag-check.js';
import { flagOf, ruleOf } from '../helper/flag.js';

const NOTHING: OtherDefinitions = { flags: [], segments: [] };
const paths = (flag: Partial<Flag>, others: Partial<OtherDefinitions> = {}) =>
  checkFlag(flagOf(flag), { ...NOTHING, ...others }).map(({ path }) => path);
const ofRule = (rule: Partial<FlagRule>, flag: Partial<Flag> = {}) => paths({ ...flag, rules: [ruleOf(rule)] });
const condition = (fields: Partial<FlagCondition>): FlagCondition => ({
  attribute: 'plan',
  operator: 'equals',
  values: ['pro'],
  ...fields,
});
const ofCondition = (fields: Partial<FlagCondition>) => ofRule({ conditions: [condition(fields)] });
const many = <T>(count: number, make: (index: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, index) => make(index));

describe('checkFlag', () => {
  it('accepts what is sound', () => {
    const staff = { key: 'staff', clauses: [{ conditions: [condition({})] }] };
    const flag = flagOf({
      type: 'string',
      defaultValue: '',
      prerequisites: [{ flagKey: 'base', values: [true] }],
      rules: [
        ruleOf({ value: 'a', conditions: [condition({ caseInsensitive: true })], rolloutPercentage: 0 }),
        ruleOf({
          ruleId: 'rule-2',
          value: 'b',
          conditions: [condition({ operator: 'in_segment', values: ['staff'] })],
        }),
        ruleOf({ ruleId: 'rule-3', value: 'c', bucketBy: 'deviceId', variants: [{ key: 'x', value: 'y', weight: 1 }] }),
      ],
    });
    assert.deepEqual(checkFlag(flag, { flags: [flagOf({ key: 'base' }), flag], segments: [staff] }), []);
  });

  it('refuses keys that are none', () => {
    for (const key of ['', '-a', '.a', 'a b', 'ä', 'a'.repeat(129), '__proto__', 'a\n'])
      assert.deepEqual(paths({ key }), ['/key'], key);
    for (const key of ['a', '9', 'checkout.v2', 'team/flag_x-1', 'A'.repeat(128)]) assert.deepEqual(paths({ key }), []);
  });

  it('refuses values that are not of the type, wherever they are', () => {
    const wrong = { boolean: 'true', string: 1, number: '1', json: undefined };
    const right = { boolean: true, string: 'a', number: 1.5, json: { a: [null] } };
    for (const type of ['boolean', 'string', 'number', 'json'] as const) {
      const good = right[type];
      assert.deepEqual(paths({ type, defaultValue: wrong[type] }), ['/defaultValue']);
      assert.deepEqual(ofRule({ value: wrong[type] }, { type, defaultValue: good }), ['/rules/0/value']);
      const variants = [
        { key: 'a', value: good, weight: 1 },
        { key: 'b', value: wrong[type], weight: 1 },
      ];
      assert.deepEqual(ofRule({ value: good, variants }, { type, defaultValue: good }), ['/rules/0/variants/1/value']);
      assert.deepEqual(ofRule({ value: good }, { type, defaultValue: good }), []);
    }
    for (const defaultValue of [NaN, Infinity])
      assert.deepEqual(paths({ type: 'number', defaultValue }), ['/defaultValue']);
    assert.deepEqual(paths({ type: 'json', defaultValue: null }), []);
  });

  it('refuses percentages and weights that are not whole, or out of range', () => {
    for (const rolloutPercentage of [-1, 101, 0.5, NaN, Infinity])
      assert.deepEqual(ofRule({ rolloutPercentage }), ['/rules/0/rolloutPercentage']);
    for (const weight of [-1, 0.5, 100_001, NaN]) {
      const variants = [
        { key: 'a', value: true, weight: 1 },
        { key: 'b', value: true, weight },
      ];
      assert.deepEqual(ofRule({ variants }), ['/rules/0/variants/1/weight']);
    }
    assert.deepEqual(ofRule({ variants: [{ key: 'a', value: true, weight: 0 }] }), ['/rules/0/variants']);
    assert.deepEqual(ofRule({ priority: NaN }), ['/rules/0/priority']);
  });

  it('refuses conditions that cannot be evaluated', () => {
    assert.deepEqual(ofCondition({ operator: 'like' }), ['/rules/0/conditions/0/operator']);
    assert.deepEqual(ofCondition({ attribute: '' }), ['/rules/0/conditions/0/attribute']);
    for (const fields of [
      { values: [] },
      { operator: 'gt', values: ['ten'] },
      { operator: 'matches', values: ['('] },
      { operator: 'matches', values: ['a'.repeat(201)] },
      { operator: 'in_segment', values: ['gone'] },
    ])
      assert.deepEqual(ofCondition(fields), ['/rules/0/conditions/0/values']);
    for (const operator of ['gt', 'exists', 'cidr', 'semver_eq'])
      assert.ok(ofCondition({ operator, caseInsensitive: true }).includes('/rules/0/conditions/0/caseInsensitive'));
    assert.deepEqual(ofCondition({ caseInsensitive: true }), []);
  });

  it('refuses what is too much', () => {
    const long = 'x'.repeat(64 * 1024);
    assert.deepEqual(paths({ rules: many(101, (index) => ruleOf({ ruleId: `r${index}` })) }), ['/rules']);
    assert.deepEqual(paths({ type: 'string', defaultValue: long }), ['/defaultValue']);
    assert.deepEqual(ofRule({ value: long }, { type: 'string', defaultValue: '' }), ['/rules/0/value']);
    assert.deepEqual(ofRule({ conditions: many(51, () => condition({})) }), ['/rules/0/conditions']);
    assert.deepEqual(ofRule({ variants: many(101, (index) => ({ key: `v${index}`, value: true, weight: 1 })) }), [
      '/rules/0/variants',
    ]);
    assert.deepEqual(ofRule({ bucketBy: 'x'.repeat(201) }), ['/rules/0/bucketBy']);
    assert.deepEqual(ofRule({ bucketBy: '' }), ['/rules/0/bucketBy']);
    for (const ruleId of ['', 'x'.repeat(129)]) assert.deepEqual(ofRule({ ruleId }), ['/rules/0/ruleId']);
    assert.deepEqual(ofCondition({ operator: 'in', values: many(1_001, String) }), ['/rules/0/conditions/0/values']);
    assert.deepEqual(ofCondition({ values: ['x'.repeat(1_025)] }), ['/rules/0/conditions/0/values']);
    assert.deepEqual(ofCondition({ attribute: 'x'.repeat(201) }), ['/rules/0/conditions/0/attribute']);
  });

  it('refuses ids and keys that are there twice', () => {
    assert.deepEqual(paths({ rules: [ruleOf(), ruleOf(), ruleOf({ ruleId: 'other' }), ruleOf()] }), [
      '/rules/1/ruleId',
      '/rules/3/ruleId',
    ]);
    const variant = { key: 'a', value: true, weight: 1 };
    assert.deepEqual(ofRule({ variants: [variant, variant] }), ['/rules/0/variants/1/key']);
  });

  describe('of prerequisites', () => {
    const base = flagOf({ key: 'base' });
    const needs = (...values: unknown[]) => [{ flagKey: 'base', values }];

    it('refuses what can never be met', () => {
      assert.deepEqual(paths({ prerequisites: needs(true) }, { flags: [base] }), []);
      assert.deepEqual(paths({ prerequisites: needs(true) }), ['/prerequisites/0/flagKey']);
      assert.deepEqual(paths({ prerequisites: needs() }, { flags: [base] }), ['/prerequisites/0/values']);
      assert.deepEqual(paths({ prerequisites: needs('true') }, { flags: [base] }), ['/prerequisites/0/values']);
      const self = [{ flagKey: 'new-checkout', values: [true] }];
      assert.deepEqual(paths({ prerequisites: self }, { flags: [flagOf()] }), [
        '/prerequisites/0/flagKey',
        '/prerequisites',
      ]);
    });

    it('refuses cycles, also with the version before of the same flag among the others', () => {
      const on = (flagKey: string) => [{ flagKey, values: [true] }];
      const flags = [
        flagOf({ key: 'a', prerequisites: on('b') }),
        flagOf({ key: 'b', prerequisites: on('new-checkout') }),
        flagOf(),
      ];
      assert.deepEqual(paths({ prerequisites: on('a') }, { flags }), ['/prerequisites']);
      assert.deepEqual(
        paths({ prerequisites: [] }, { flags: [...flags.slice(0, 2), flagOf({ prerequisites: on('a') })] }),
        [],
      );
    });

    it('refuses chains that are too long, whichever end they grow at', () => {
      const chain = many(101, (index) =>
        flagOf({ key: `f${index}`, prerequisites: index === 0 ? [] : [{ flagKey: `f${index - 1}`, values: [true] }] }),
      );
      const after = (flagKey: string) => [{ flagKey, values: [true] }];
      assert.deepEqual(paths({ prerequisites: after('f99') }, { flags: chain }), []);
      assert.deepEqual(paths({ prerequisites: after('f100') }, { flags: chain }), ['/prerequisites']);
      const grown = checkFlag(flagOf({ key: 'f0', prerequisites: after('base') }), {
        flags: [...chain, base],
        segments: [],
      });
      assert.deepEqual(
        grown.map(({ path }) => path),
        ['/prerequisites'],
      );
    });
  });
});

describe('checkSegment', () => {
  const of = (fields: Partial<Segment>) =>
    checkSegment({ key: 'staff', clauses: [], ...fields }).map(({ path }) => path);
  const clause = (...conditions: FlagCondition[]) => ({ clauses: [{ conditions: [] }, { conditions }] });

  it('accepts what is sound', () => assert.deepEqual(of(clause(condition({}))), []));

  it('refuses what would break the rules that name it', () => {
    assert.deepEqual(of({ key: 'no key' }), ['/key']);
    assert.deepEqual(of(clause(condition({ operator: 'like' }))), ['/clauses/1/conditions/0/operator']);
    assert.deepEqual(of(clause(condition({ operator: 'in_segment', values: ['staff'] }))), [
      '/clauses/1/conditions/0/operator',
    ]);
    assert.deepEqual(of(clause(condition({ values: ['x'.repeat(1_025)] }))), ['/clauses/1/conditions/0/values']);
    assert.deepEqual(of({ clauses: many(51, () => ({ conditions: [] })) }), ['/clauses']);
    assert.deepEqual(of(clause(...many(51, () => condition({})))), ['/clauses/1/conditions']);
  });
});
