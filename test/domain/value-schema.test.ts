import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Check } from 'typebox/schema';
import { VALUE_SCHEMA, type ValueSchema, valueSchema } from '../../domain/value-schema.js';
import { cpuMs } from '../helper/cpu-time.js';

const sound = (schema: unknown): ValueSchema => {
  const made = valueSchema(schema);
  if (typeof made === 'string') throw new Error(made);
  return made;
};
const fits = (schema: unknown, value: unknown) => sound(schema).faultOf(value) === undefined;

describe('the schema of a value', () => {
  /** By JSON Schema's own text (draft 2020-12): what fits, what does not. */
  const cases: readonly [schema: unknown, fit: readonly unknown[], unfit: readonly unknown[]][] = [
    [true, [1, null, {}], []],
    [false, [], [1, null, {}]],
    [{}, [1, null, {}], []],
    [{ type: 'integer' }, [1, 1.0, -3], [1.5, '1', null, true]],
    [{ type: ['string', 'null'] }, ['', null], [0, false, []]],
    [{ type: 'object' }, [{}], [[], null]],
    [{ const: { a: [1] } }, [{ a: [1] }], [{ a: [2] }, { a: [1], b: 1 }, null]],
    [{ enum: ['red', 1, null, { a: 1 }] }, ['red', 1, null, { a: 1 }], ['blue', '1', {}, undefined]],
    [{ multipleOf: 0.5 }, [1, 1.5, 'text'], [0.7]],
    [{ minimum: 1, exclusiveMaximum: 3 }, [1, 2.9, 'text'], [0, 3]],
    [{ exclusiveMinimum: 1, maximum: 3 }, [1.1, 3], [1, 4]],
    [{ minLength: 2, maxLength: 3 }, ['ab', '😀😀😀', 5], ['a', 'abcd']],
    [{ pattern: '^a+$' }, ['aaa', 1], ['b', '']],
    [{ pattern: 'b' }, ['abc'], ['ac']],
    [{ items: { type: 'number' }, minItems: 1, maxItems: 2 }, [[1], [1, 2], 'text'], [[], ['a'], [1, 2, 3]]],
    [{ prefixItems: [{ type: 'number' }], items: false }, [[], [1]], [['a'], [1, 2]]],
    [{ uniqueItems: true }, [[1, '1', [1]]], [[{ a: 1 }, { a: 1 }]]],
    [
      { properties: { a: { type: 'number' } }, required: ['a'], additionalProperties: false },
      [{ a: 1 }, 'text', []],
      [{}, { a: '1' }, { a: 1, b: 2 }],
    ],
    [{ additionalProperties: { type: 'number' } }, [{ b: 1 }], [{ b: 'x' }]],
    [{ minProperties: 1, maxProperties: 1 }, [{ a: 1 }], [{}, { a: 1, b: 1 }]],
    [{ allOf: [{ minimum: 1 }, { maximum: 2 }] }, [1, 2], [0, 3]],
    [{ anyOf: [{ type: 'number' }, { const: 'x' }] }, [1, 'x'], ['y']],
    [{ oneOf: [{ minimum: 1 }, { maximum: 2 }] }, [0, 3], [1]],
    [{ not: { type: 'string' } }, [1], ['a']],
    [{ properties: { 'a-b/c~.*': { type: 'number' } }, additionalProperties: false }, [{ 'a-b/c~.*': 1 }], [{ a: 1 }]],
    [
      JSON.parse('{"properties":{"__proto__":{"type":"number"}},"required":["__proto__"]}'),
      [JSON.parse('{"__proto__":1}')],
      [{}, JSON.parse('{"__proto__":"a"}')],
    ],
    [{ $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'x', default: 1, examples: [] }, [1], []],
  ];
  for (const [schema, fit, unfit] of cases) {
    it(`is understood as written: ${JSON.stringify(schema)}`, () => {
      for (const value of fit) assert.ok(fits(schema, value), JSON.stringify(value));
      for (const value of unfit) assert.ok(!fits(schema, value), JSON.stringify(value));
    });
  }

  it('says what is wrong, and where', () => {
    const schema = { properties: { 'a/b': { items: { pattern: '^x' } } } };
    const fault = sound(schema).faultOf({ 'a/b': ['x', 'y'] });
    assert.deepEqual(fault, { path: '/a~1b/1', why: 'does not match ^x' });
  });

  const nested = (levels: number): unknown => {
    let schema = {};
    for (let n = 0; n < levels; n++) schema = { not: schema };
    return schema;
  };
  const wrong: readonly [schema: unknown, why: RegExp][] = [
    [null, /no schema/],
    [[], /no schema/],
    [{ $ref: '#' }, /\/\$ref is a keyword that is not supported/],
    [{ format: 'email' }, /not supported/],
    [{ patternProperties: {} }, /not supported/],
    [{ toString: {} }, /not supported/],
    [JSON.parse('{"__proto__":{"type":"string"}}'), /\/__proto__ is a keyword that is not supported/],
    [{ properties: { a: { type: 'bigint' } } }, /\/properties\/a\/type is none of/],
    [{ type: [] }, /is none of/],
    [{ type: 'toString' }, /is none of/],
    [{ type: [['string']] }, /is none of/],
    [{ properties: [] }, /no object/],
    [{ required: [1] }, /no list of names/],
    [{ pattern: '(?=x)' }, /RE2/],
    [{ pattern: '(' }, /RE2/],
    [{ pattern: '[a-z]{900}' }, /too large/],
    [{ allOf: [{ pattern: 'a{300}' }, { pattern: 'b{300}' }] }, /too large together/],
    [{ minLength: -1 }, /no count/],
    [{ minimum: '1' }, /no number/],
    [{ multipleOf: 0 }, /above zero/],
    [{ enum: [] }, /no list/],
    [{ anyOf: [] }, /no list/],
    [{ anyOf: Array.from({ length: VALUE_SCHEMA.schemas }, () => true) }, /too many/],
    [nested(20), /nested too deep/],
    [nested(100_000), /nested too deep/],
  ];
  for (const [n, [schema, why]] of wrong.entries()) {
    it(`is refused where it says what is not supported, case ${String(n)}: ${why.source}`, () => {
      assert.throws(() => sound(schema), why);
    });
  }

  it('cannot make a check slow: the worst one over a large value', async () => {
    const anyOf = (n: number) => ({ anyOf: [{ enum: [n, n + 1] }, { const: n }, true] });
    const ms = await cpuMs(() => {
      const heavy = sound({ items: { allOf: Array.from({ length: 24 }, (_, n) => anyOf(n)) } });
      assert.equal(heavy.faultOf(Array.from({ length: 30_000 }, (_, n) => n)), undefined);
      assert.ok(sound({ pattern: '^(([a-z])+.)+[A-Z]([a-z])+$' }).faultOf('a'.repeat(250_000)));
    });
    assert.ok(ms < 10_000, `${String(ms)} ms`);
  });

  it('judges as another implementation does, whatever schema and value', () => {
    const random = seeded(7);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
    const value = (levels: number): unknown => {
      const leaves = [0, 1, 2, -1, 1.5, 'a', 'ab', '', 'é', true, false, null];
      if (levels === 0 || random() < 0.4) return pick(leaves);
      const inner = Array.from({ length: Math.floor(random() * 3) }, () => value(levels - 1));
      return random() < 0.5 ? inner : Object.fromEntries(inner.map((each, n) => [pick(['a', 'b', 'c/d']), each, n]));
    };
    const schema = (levels: number): unknown => {
      const deeper = () => (levels === 0 ? pick([true, false, { type: 'string' }]) : schema(levels - 1));
      const keywords: readonly (() => object)[] = [
        () => ({ type: pick(['null', 'boolean', 'object', 'array', 'number', 'integer', 'string']) }),
        () => ({ type: [pick(['null', 'boolean']), pick(['object', 'array', 'number'])] }),
        () => ({ enum: [value(1), value(1), pick([0, 'a', true])] }),
        () => ({ const: value(1) }),
        () => ({ minimum: pick([0, 1]), exclusiveMaximum: pick([1, 2]) }),
        () => ({ maximum: pick([0, 1]), exclusiveMinimum: pick([-1, 0]) }),
        () => ({ multipleOf: pick([1, 0.5, 2]) }),
        () => ({ minLength: 1, maxLength: 1 }),
        () => ({ minItems: 1, maxItems: 1 }),
        () => ({ minProperties: 1, maxProperties: 1 }),
        () => ({ uniqueItems: true }),
        () => ({ items: deeper() }),
        () => ({ prefixItems: [deeper(), deeper()], items: deeper() }),
        () => ({ properties: { a: deeper(), 'c/d': deeper() } }),
        () => ({ properties: { a: deeper() }, additionalProperties: deeper() }),
        () => ({ required: [pick(['a', 'b'])] }),
        () => ({ allOf: [deeper(), deeper()] }),
        () => ({ anyOf: [deeper(), deeper()] }),
        () => ({ oneOf: [deeper(), deeper()] }),
        () => ({ not: deeper() }),
      ];
      return { ...pick(keywords)(), ...(random() < 0.5 ? pick(keywords)() : {}) };
    };
    const verdicts = new Set<boolean>();
    for (let n = 0; n < 20_000; n++) {
      const [made, given] = [schema(2), value(3)];
      const verdict = fits(made, given);
      verdicts.add(verdict);
      assert.equal(verdict, Check(made as object, given), `${JSON.stringify(made)} of ${JSON.stringify(given)}`);
    }
    assert.equal(verdicts.size, 2);
  });
});

/** Numbers from 0 to 1 that are the same each time (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
