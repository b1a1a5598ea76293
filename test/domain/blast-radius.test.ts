import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addRadius, blastRadius, type BlastRadius, NO_IMPACT } from '../../domain/blast-radius.js';
import { changedKeys } from '../../domain/changed-flags.js';
import type { Definitions, Flag, FlagRule, Segment } from '../../domain/flag.js';
import { compileFlags } from '../../domain/flag-evaluation.js';
import { type FlagProposal, withProposal } from '../../domain/flag-proposal.js';
import { flagOf, ruleOf } from '../helper/flag.js';

const definitions = (flags: readonly Flag[], segments: readonly Segment[] = []): Definitions => ({
  version: 1,
  flags,
  segments,
});

const person = (name: string, attributes: object = {}) => ({
  name,
  context: { targetingKey: name, attributes: { ...attributes } },
});
const PEOPLE = Array.from({ length: 500 }, (_, n) =>
  person(`user-${String(n)}`, { country: n % 2 === 0 ? 'de' : 'fr' }),
);

function radiusOf(base: Definitions, proposal: Partial<FlagProposal>, people = PEOPLE): BlastRadius {
  const proposed = withProposal(base, { flags: [], segments: [], ...proposal });
  const radius = blastRadius(compileFlags(base), compileFlags(proposed), changedKeys(base, proposed));
  for (const each of people) radius.add(each);
  return radius.result();
}

const change = (flag: Flag): Partial<FlagProposal> => ({ flags: [{ key: flag.key, flag }] });
const at = (rolloutPercentage: number): FlagRule => ruleOf({ rolloutPercentage });
const variants = (...weights: readonly number[]): FlagRule =>
  ruleOf({
    value: '',
    variants: weights.map((weight, n) => ({ key: `v${String(n)}`, value: `value ${String(n)}`, weight })),
  });

describe('the blast radius of a change', () => {
  it('is those that come in when a percentage is raised, and nobody loses', () => {
    const base = definitions([flagOf({ rules: [at(10)] })]);
    const { profiles, affected, flags } = radiusOf(base, change(flagOf({ rules: [at(40)] })));
    const compiled = compileFlags(base);
    const raised = compileFlags(definitions([flagOf({ rules: [at(40)] })]));
    const value = (flagged: typeof compiled, { context }: (typeof PEOPLE)[number]) =>
      flagged.evaluate('new-checkout', context)?.value;
    const expected = PEOPLE.filter((each) => value(compiled, each) === false && value(raised, each) === true);
    assert.ok(expected.length > 50);

    assert.deepEqual([profiles, affected], [500, expected.length]);
    const [impact] = flags;
    assert.deepEqual(impact?.counts, { gains: expected.length, loses: 0, changesVariant: 0, changesValue: 0 });
    assert.deepEqual(impact.transitions, [
      {
        effect: 'gains',
        from: 'false',
        to: 'true',
        count: expected.length,
        samples: expected.slice(0, 20).map(({ name }) => name),
      },
    ]);
  });

  it('is nobody where nothing is decided otherwise', () => {
    const base = definitions([flagOf({ rules: [at(30)] }), flagOf({ key: 'other' })]);
    const same = flagOf({ rules: [{ ...at(30), ruleId: 'renamed' }] });
    assert.deepEqual(radiusOf(base, change(same)), { ...NO_IMPACT, profiles: 500 });
  });

  it('tells apart who loses, who has another variant, and who has another value', () => {
    const text = flagOf({ type: 'string', defaultValue: 'old' });
    const base = definitions([{ ...text, rules: [variants(1, 1)] }]);
    const moved = radiusOf(base, change({ ...text, rules: [variants(0, 1)] })).flags[0];
    assert.ok(moved !== undefined && moved.counts.changesVariant > 200);
    assert.deepEqual(
      moved.transitions.map(({ effect, from, to }) => [effect, from, to]),
      [['changesVariant', 'v0', 'v1']],
    );

    const off = radiusOf(base, change({ ...text, rules: [variants(1, 1)], enabled: false })).flags[0];
    assert.equal(off?.counts.loses, 500);
    assert.equal(off.transitions.length, 2, 'from each variant to the default');

    const fallback = radiusOf(definitions([text]), change({ ...text, defaultValue: 'new' })).flags[0];
    assert.deepEqual(fallback?.counts, { gains: 0, loses: 0, changesVariant: 0, changesValue: 500 });
    assert.deepEqual([fallback.transitions[0]?.from, fallback.transitions[0]?.to], ['"old"', '"new"']);
  });

  it('sees a difference far behind in a long value', () => {
    const long = (end: string) => ({ list: ['x'.repeat(5_000), end] });
    const json = flagOf({ type: 'json', defaultValue: long('a') });
    assert.equal(radiusOf(definitions([json]), change({ ...json, defaultValue: long('b') })).affected, 500);
    const turned = Object.fromEntries(Object.entries({ b: 1, a: 2 }));
    const base = definitions([flagOf({ type: 'json', defaultValue: { a: 2, b: 1 } })]);
    assert.equal(radiusOf(base, change(flagOf({ type: 'json', defaultValue: turned }))).affected, 0);
  });

  it('reaches flags that the changed one is a prerequisite of, and those that name the changed segment', () => {
    const parent = flagOf({ key: 'parent', rules: [at(100)] });
    const child = flagOf({ key: 'child', rules: [at(100)], prerequisites: [{ flagKey: 'parent', values: [true] }] });
    const base = definitions([parent, child]);
    const radius = radiusOf(base, { flags: [{ key: 'parent', flag: null }] });
    assert.deepEqual(
      radius.flags.map(({ flagKey, counts }) => [flagKey, counts.loses]),
      [
        ['parent', 500],
        ['child', 500],
      ],
    );
    assert.equal(radius.affected, 500, 'a person is one, whatever the number of their flags');
    assert.equal(radius.flags[0]?.transitions[0]?.to, null, 'there is no such flag then');

    const from = (country: string): Segment => ({
      key: 'home',
      clauses: [{ conditions: [{ attribute: 'country', operator: 'equals', values: [country] }] }],
    });
    const named = ruleOf({ conditions: [{ attribute: '', operator: 'in_segment', values: ['home'] }] });
    const people = definitions([flagOf({ rules: [named] })], [from('de')]);
    const moved = radiusOf(people, { segments: [{ key: 'home', segment: from('fr') }] });
    assert.deepEqual(moved.flags[0]?.counts, { gains: 250, loses: 250, changesVariant: 0, changesValue: 0 });
  });

  it('of the parts adds up to that of the whole', () => {
    const base = definitions([
      flagOf({ rules: [at(10)] }),
      flagOf({ key: 'child', rules: [at(50)], prerequisites: [{ flagKey: 'new-checkout', values: [true] }] }),
    ]);
    const wider = change(flagOf({ rules: [at(60)] }));
    const whole = radiusOf(base, wider);
    let sum = NO_IMPACT;
    for (let n = 0; n < 500; n += 7) sum = addRadius(sum, radiusOf(base, wider, PEOPLE.slice(n, n + 7)));
    assert.deepEqual(sum, whole);
  });

  it('is bounded, and says where it is cut', () => {
    const many = Array.from({ length: 80 }, (_, n) =>
      flagOf({ key: `f${String(n)}`, prerequisites: [{ flagKey: 'root', values: [true] }], rules: [at(100)] }),
    );
    const root = flagOf({ key: 'root', rules: [at(100)] });
    const radius = radiusOf(definitions([root, ...many]), change({ ...root, rules: [] }));
    assert.equal(radius.flags.length, 50);
    assert.equal(radius.isCut, true);

    const value = (n: number) =>
      ruleOf({
        ruleId: `r${String(n)}`,
        priority: n,
        value: `v${String(n)}`,
        conditions: [{ attribute: 'targetingKey', operator: 'equals', values: [`user-${String(n)}`] }],
      });
    const text = flagOf({ type: 'string', defaultValue: '' });
    const each = { ...text, rules: Array.from({ length: 99 }, (_, n) => value(n)) };
    const impact = radiusOf(definitions([text]), change(each)).flags[0];
    assert.equal(impact?.counts.gains, 99);
    assert.equal(impact.transitions.length, 30);
  });
});
