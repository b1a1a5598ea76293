import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { FlagCondition, FlagContext } from '../../domain/flag.js';
import { compileFlags } from '../../domain/flag-evaluation.js';
import { OPERATORS } from '../../domain/flag-operators.js';
import { flagOf, ruleOf } from '../helper/flag.js';
import { vectors } from '../vectors/read.js';

const SEGMENTS = [
  { key: 'staff', clauses: [{ conditions: [{ attribute: 'staff', operator: 'exists', values: [] }] }] },
];

/** What a condition is in a flag that has nothing else: true, false, or broken. */
function answerOf(condition: FlagCondition, context: Partial<FlagContext>): boolean | 'broken' {
  const flag = flagOf({ rules: [ruleOf({ conditions: [condition] })] });
  const compiled = compileFlags({ version: 1, flags: [flag], segments: SEGMENTS });
  const evaluation = compiled.evaluate(flag.key, { targetingKey: undefined, attributes: {}, ...context });
  if (compiled.broken.length > 0) return 'broken';
  return evaluation?.reason === 'TARGETING_MATCH';
}

describe('the operators', () => {
  interface Row extends Omit<FlagCondition, 'attribute'> {
    readonly attribute?: unknown;
    readonly name?: string;
    readonly attributes?: Readonly<Record<string, unknown>>;
    readonly targetingKey?: string;
    readonly holds: boolean;
  }

  it('answer as the vectors say', () => {
    const rows = vectors('operators') as readonly Row[];
    for (const row of rows) {
      const { operator, values, caseInsensitive, attribute, holds, name = 'it' } = row;
      const { attributes = 'attribute' in row ? { it: attribute } : {}, targetingKey } = row;
      const condition = { attribute: name, operator, values, ...(caseInsensitive && { caseInsensitive }) };
      assert.equal(answerOf(condition, { attributes, targetingKey }), holds, JSON.stringify(row).slice(0, 300));
    }
    const tried = new Set(rows.map(({ operator }) => operator));
    assert.deepEqual([...tried].sort(), Object.keys(OPERATORS).sort());
  });

  it('take no values that they cannot use', () => {
    for (const row of vectors('broken-conditions') as readonly Row[])
      assert.equal(answerOf({ ...row, attribute: 'it' }, {}), 'broken', JSON.stringify(row));
  });
});

/** The rows of the table in the document, by operator. */
function documented(): ReadonlyMap<string, Readonly<Record<string, string>>> {
  const text = readFileSync(join(import.meta.dirname, '../../docs/flag-operators.md'), 'utf8');
  const [head = [], , ...rows] = text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  return new Map(
    rows.map((cells) => [
      (cells[0] ?? '').replaceAll('`', ''),
      Object.fromEntries(head.map((name, index) => [name, cells[index] ?? ''])),
    ]),
  );
}

/** An attribute of each kind, with the words of the document that take it. */
const SAMPLES: readonly { readonly value: unknown; readonly takenAs: readonly string[] }[] = [
  { value: 'words of a text', takenAs: ['text'] },
  { value: 'x'.repeat(1_025), takenAs: ['text'] },
  { value: '12.5', takenAs: ['text', 'numeric text'] },
  { value: '1700000000000', takenAs: ['text', 'numeric text', 'date text'] },
  { value: '2026-03-01', takenAs: ['text', 'date text'] },
  { value: '1.2.3', takenAs: ['text', 'version text'] },
  { value: '10.0.0.1', takenAs: ['text', 'address text'] },
  { value: 12.5, takenAs: ['number'] },
  { value: true, takenAs: ['boolean'] },
  { value: ['a'], takenAs: ['list'] },
  { value: { a: 1 }, takenAs: [] },
  { value: 'x'.repeat(8_193), takenAs: [] },
  { value: new Array(1_001).fill('a'), takenAs: [] },
];

/** Values that some sample has, so that `wrong type` is not just `other value`. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  between: ['-1e300', '1e300'],
  gt: ['-1e300'],
  gte: ['-1e300'],
  lt: ['1e300'],
  lte: ['1e300'],
  before: ['9999-12-31'],
  after: ['0001-01-01'],
  semver_eq: ['1.2.3'],
  semver_gt: ['0.0.0'],
  semver_gte: ['0.0.0'],
  semver_lt: ['9.0.0'],
  semver_lte: ['9.0.0'],
  semver_range: ['>=0.0.0'],
  cidr: ['0.0.0.0/0', '::/0'],
  matches: ['.', '^'],
  array_any: ['a'],
  array_all: ['a'],
  exists: [],
  not_exists: [],
  in_segment: ['staff'],
  not_in_segment: ['staff'],
};

describe('docs/flag-operators.md', () => {
  const table = documented();
  const cell = (value: boolean | 'broken') => String(value);

  it('has a row for every operator, and none for any other', () => {
    const all = [...Object.keys(OPERATORS), 'in_segment', 'not_in_segment'];
    assert.deepEqual([...table.keys()].sort(), all.sort());
  });

  for (const [operator, row] of table) {
    const values = VALUES[operator] ?? ['a'];
    const condition = { attribute: 'it', operator, values };
    const takes = (row['takes'] ?? '').split(', ').map((word) => word.replace(/ up to .*/, ''));
    const isTaken = ({ value, takenAs }: (typeof SAMPLES)[number]) => {
      const limit = Number(/up to ([\d,]+)/.exec(row['takes'] ?? '')?.[1]?.replace(',', '') ?? Infinity);
      return takenAs.some((word) => takes.includes(word)) && String(value).length <= limit;
    };

    it(`says what ${operator} is where the attribute is missing`, () => {
      const said = row['missing'] ?? '';
      if (said === '-') {
        assertBlind(condition);
        return;
      }
      for (const attributes of [{}, { it: null }, { it: undefined }, { it: NaN }, { it: () => 'a' }, { other: 'a' }])
        assert.equal(cell(answerOf(condition, { attributes })), said);
    });

    it(`says what ${operator} is where the attribute is of a wrong type`, () => {
      const said = row['wrong type'] ?? '';
      const wrong = SAMPLES.filter((sample) => !isTaken(sample));
      if (takes[0] === 'nothing') {
        assertBlind(condition);
        return;
      }
      if (takes[0] === 'everything') {
        assert.equal(said, '-');
        for (const { value } of SAMPLES)
          assert.equal(answerOf(condition, { attributes: { it: value } }), operator === 'exists');
        return;
      }
      assert.ok(wrong.length > 0);
      for (const { value } of wrong)
        assert.equal(cell(answerOf(condition, { attributes: { it: value } })), said, String(value).slice(0, 40));
    });

    it(`says what ${operator} takes`, () => {
      // What is taken makes a difference: with some values the condition is not what it is for a wrong type.
      for (const sample of SAMPLES.filter(isTaken)) {
        const fitting =
          operator === 'equals' || operator.startsWith('not_') || operator === 'in' || takes[0] === 'text';
        const own = fitting && operator !== 'matches' ? [String(sample.value)] : values;
        const answer = answerOf({ ...condition, values: own }, { attributes: { it: sample.value } });
        assert.notEqual(cell(answer), row['wrong type'], String(sample.value).slice(0, 40));
      }
    });

    it(`says what ${operator} is where there are no values`, () => {
      for (const it of ['a', '12.5', 12.5, '2026-03-01', '1.2.3', '10.0.0.1', true, ['a'], []])
        assert.equal(cell(answerOf({ ...condition, values: [] }, { attributes: { it } })), row['empty list']);
    });

    it(`says how many values ${operator} has`, () => {
      const numbers = [values, [...values, ...values].slice(0, values.length + 1)].map(({ length }) => length);
      for (const length of [0, 1, 2, 3, ...numbers]) {
        const some = Array.from({ length }, (_, index) => values[Math.min(index, values.length - 1)] ?? 'a');
        const broken = answerOf({ ...condition, values: some }, {}) === 'broken';
        assert.equal(broken, row['values'] !== 'any' && row['values'] !== String(length), `${length} values`);
      }
    });

    it(`says whether caseInsensitive means something to ${operator}`, () => {
      const ignoring = { attribute: 'it', operator, values: ['AB'], caseInsensitive: true };
      const samples: unknown[] = ['ab', ['ab']];
      const differs = samples.some(
        (it) =>
          answerOf(ignoring, { attributes: { it } }) !==
          answerOf({ ...ignoring, caseInsensitive: false }, { attributes: { it } }),
      );
      assert.equal(differs, row['case'] === 'yes');
    });
  }

  /** Whatever the attribute is, only the segment decides. */
  function assertBlind(condition: FlagCondition): void {
    for (const staff of [{}, { staff: 1 }]) {
      const answers = [{}, ...SAMPLES.map(({ value }) => ({ it: value }))].map((attributes) =>
        answerOf(condition, { attributes: { ...attributes, ...staff } }),
      );
      const inside = 'staff' in staff;
      assert.deepEqual([...new Set(answers)], [condition.operator === 'in_segment' ? inside : !inside]);
    }
  }
});

describe('negative operators', () => {
  it('are the opposite of the positive ones, whatever there is', () => {
    const positive = fc.constantFrom('equals', 'in', 'contains', 'exists');
    fc.assert(
      fc.property(positive, fc.anything(), fc.string({ minLength: 1 }), fc.boolean(), (operator, it, value, folded) => {
        const condition = {
          attribute: 'it',
          operator,
          values: operator === 'exists' ? [] : [value],
          caseInsensitive: folded,
        };
        const attributes = { it };
        const negative = { ...condition, operator: `not_${operator}` };
        assert.notEqual(answerOf(condition, { attributes }), answerOf(negative, { attributes }));
      }),
    );
  });
});
