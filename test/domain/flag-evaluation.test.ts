import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bucketOf } from '../../domain/bucketing.js';
import type { Definitions, Evaluation, FlagContext } from '../../domain/flag.js';
import { type BrokenRule, compileFlags } from '../../domain/flag-evaluation.js';
import { flagOf, ruleOf } from '../helper/flag.js';
import { vectors } from '../vectors/read.js';

const anna: FlagContext = { targetingKey: 'anna', attributes: {} };
const compile = (definitions: Partial<Definitions>) =>
  compileFlags({ version: 1, flags: [], segments: [], ...definitions });

describe('compileFlags', () => {
  interface Vector extends Definitions {
    readonly name: string;
    readonly broken: readonly Pick<BrokenRule, 'flagKey' | 'ruleId'>[];
    readonly cases: readonly (FlagContext & { readonly expected: Readonly<Record<string, Evaluation>> })[];
  }

  for (const { name, cases, broken, ...definitions } of vectors('evaluations') as readonly Vector[]) {
    it(`evaluates as the vectors say: ${name}`, () => {
      const compiled = compileFlags(definitions);
      assert.deepEqual(
        compiled.broken.map(({ flagKey, ruleId }) => ({ flagKey, ruleId })),
        broken,
      );
      assert.equal(compiled.version, definitions.version);
      for (const { expected, ...context } of cases) {
        const all = compiled.all(context);
        assert.deepEqual(
          [...all.keys()],
          definitions.flags.map(({ key }) => key),
        );
        for (const [key, evaluation] of Object.entries(expected)) {
          assert.deepEqual(compiled.evaluate(key, context), evaluation, `${key} ${JSON.stringify(context)}`);
          assert.deepEqual(all.get(key), evaluation);
        }
      }
    });
  }

  it('knows no flag that is not there', () => {
    const compiled = compile({ flags: [flagOf()] });
    for (const key of ['', 'other', '__proto__', 'constructor']) {
      assert.equal(compiled.evaluate(key, anna), undefined);
      assert.equal(compiled.explain(key, anna), undefined);
    }
  });

  it('says why a rule is broken', () => {
    const rules = [
      ruleOf({
        ruleId: 'a',
        conditions: [
          { attribute: 'x', operator: 'exists', values: [] },
          { attribute: 'x', operator: 'gt', values: ['ten'] },
        ],
      }),
      ruleOf({ ruleId: 'b', conditions: [{ attribute: '', operator: 'in_segment', values: ['staff'] }] }),
      ruleOf({ ruleId: 'c', priority: NaN }),
    ];
    const staff = { key: 'staff', clauses: [{ conditions: [{ attribute: 'x', operator: 'like', values: [] }] }] };
    assert.deepEqual(compile({ flags: [flagOf({ rules })], segments: [staff] }).broken, [
      { flagKey: 'new-checkout', ruleId: 'a', why: '/conditions/1/values "ten" is no number' },
      {
        flagKey: 'new-checkout',
        ruleId: 'b',
        why: '/conditions/0/values segment staff: /clauses/0/conditions/0/operator no operator is called like',
      },
      { flagKey: 'new-checkout', ruleId: 'c', why: '/priority a priority is a number' },
    ]);
  });

  it('skips a rule that is none at all', () => {
    const compiled = compile({ flags: [flagOf({ rules: [{ ruleId: 'a' } as never, ruleOf({ ruleId: 'b' })] })] });
    assert.deepEqual(compiled.broken, [{ flagKey: 'new-checkout', ruleId: 'a', why: 'it is malformed' }]);
    assert.equal(compiled.evaluate('new-checkout', anna)?.ruleId, 'b');
  });

  it('keeps the order of the other rules where a priority is no number', () => {
    const rules = [5, NaN, 4, NaN, 3, 2, 1].map((priority, index) =>
      ruleOf({ ruleId: `${index}-${priority}`, priority }),
    );
    assert.equal(compile({ flags: [flagOf({ rules })] }).evaluate('new-checkout', anna)?.ruleId, '6-1');
  });

  it('follows prerequisites as far as they are allowed to go, and no further', () => {
    const chain = Array.from({ length: 150 }, (_, index) =>
      flagOf({
        key: `f${index}`,
        rules: [ruleOf()],
        prerequisites: index === 0 ? [] : [{ flagKey: `f${index - 1}`, values: [true] }],
      }),
    );
    const all = compile({ flags: chain.reverse() }).all(anna);
    assert.equal(all.get('f100')?.reason, 'TARGETING_MATCH');
    assert.equal(all.get('f102')?.reason, 'DISABLED');
    assert.equal(all.get('f149')?.prerequisite, 'f148');
  });

  it('gives a flag its own bucket, whichever flag was answered before it', () => {
    const needs = (key: string) =>
      flagOf({ key, rules: [ruleOf()], prerequisites: [{ flagKey: 'split', values: [true, false] }] });
    const variants = [{ key: 'a', value: true, weight: 1 }];
    const split = flagOf({ key: 'split', rules: [ruleOf({ variants })] });
    const all = compile({ flags: [needs('one'), split, needs('two'), flagOf({ key: 'plain' })] }).all(anna);
    assert.deepEqual(
      [...all.values()].map(({ bucket }) => bucket),
      [undefined, bucketOf('split', 'anna'), undefined, undefined],
    );
  });

  it('evaluates a prerequisite once, however many flags ask for it', () => {
    let reads = 0;
    const attributes = Object.defineProperty({}, 'x', { enumerable: true, get: () => (reads++, 'y') });
    const conditions = [{ attribute: 'x', operator: 'equals', values: ['y'] }];
    const layers = Array.from({ length: 60 }, (_, index) =>
      flagOf({
        key: `f${index}`,
        rules: [ruleOf({ conditions })],
        // Twice the one before: without a memory that is 2 to the power of 59 evaluations.
        prerequisites: index === 0 ? [] : [1, 2].map(() => ({ flagKey: `f${index - 1}`, values: [true] })),
      }),
    );
    assert.equal(compile({ flags: layers }).evaluate('f59', { targetingKey: undefined, attributes })?.value, true);
    assert.equal(reads, 1);
  });
});

describe('explain', () => {
  const pro = { attribute: 'plan', operator: 'equals', values: ['pro'] };
  const flags = [
    flagOf({ key: 'base', defaultValue: true }),
    flagOf({
      key: 'f',
      prerequisites: [{ flagKey: 'base', values: [true] }],
      rules: [
        ruleOf({ ruleId: 'broken', priority: 1, conditions: [{ ...pro, operator: 'like' }] }),
        ruleOf({ ruleId: 'nobody', priority: 2, rolloutPercentage: 0 }),
        ruleOf({ ruleId: 'some', priority: 3, rolloutPercentage: 50, conditions: [pro] }),
        ruleOf({ ruleId: 'last', priority: 4, conditions: [pro, { attribute: 'x', operator: 'exists', values: [] }] }),
      ],
    }),
  ];

  it('tells of each rule whether its conditions hold, and who is in its percentage', () => {
    const compiled = compile({ flags });
    const explained = compiled.explain('f', { targetingKey: 'cleo', attributes: { plan: 'pro' } });
    const bucket = 15;
    assert.deepEqual(explained, {
      evaluation: { value: true, reason: 'SPLIT', ruleId: 'some', bucket, version: 1 },
      prerequisites: [{ flagKey: 'base', met: true, value: true }],
      rules: [
        {
          ruleId: 'broken',
          broken: '/conditions/0/operator no operator is called like',
          conditions: [],
          matched: false,
          rolloutPercentage: 100,
          inPercentage: false,
          decided: false,
        },
        {
          ruleId: 'nobody',
          conditions: [],
          matched: true,
          rolloutPercentage: 0,
          bucket,
          inPercentage: false,
          decided: false,
        },
        {
          ruleId: 'some',
          conditions: [{ attribute: 'plan', operator: 'equals', holds: true }],
          matched: true,
          rolloutPercentage: 50,
          bucket,
          inPercentage: true,
          decided: true,
        },
        {
          ruleId: 'last',
          conditions: [
            { attribute: 'plan', operator: 'equals', holds: true },
            { attribute: 'x', operator: 'exists', holds: false },
          ],
          matched: false,
          rolloutPercentage: 100,
          inPercentage: true,
          decided: false,
        },
      ],
    });
  });

  it('tells of a percentage that it needs somebody', () => {
    const explained = compile({ flags }).explain('f', { targetingKey: undefined, attributes: { plan: 'pro' } });
    assert.equal(explained?.evaluation.errorCode, 'TARGETING_KEY_MISSING');
    const some = explained.rules.find(({ ruleId }) => ruleId === 'some');
    assert.deepEqual([some?.matched, some?.bucket, some?.inPercentage, some?.decided], [true, undefined, false, false]);
  });

  it('tells of a prerequisite what it answers, and of one that leads nowhere nothing', () => {
    const off = flagOf({ key: 'off', enabled: false });
    const needs = flagOf({
      key: 'needs',
      prerequisites: [
        { flagKey: 'off', values: [true] },
        { flagKey: 'gone', values: [true] },
      ],
    });
    const explained = compile({ flags: [needs, off] }).explain('needs', anna);
    assert.equal(explained?.evaluation.prerequisite, 'off');
    assert.deepEqual(explained.prerequisites, [
      { flagKey: 'off', met: false, value: false },
      { flagKey: 'gone', met: false },
    ]);
  });
});
