import fc from 'fast-check';
import type { Definitions, Flag, FlagCondition, FlagContext, FlagRule, Segment } from '../../domain/flag.js';
import { OPERATORS } from '../../domain/flag-operators.js';

// Few names and values, so that they meet often; and among them what nobody means.

export const FLAG_KEYS = ['a', 'b', 'c', 'd', 'e/f.g'];
const ATTRIBUTES = ['plan', 'age', 'address.city', 'targetingKey', 'tags', '__proto__', ''];
const TEXTS = [
  '',
  'pro',
  'PRO',
  '5',
  '05',
  '1.2.3',
  'v2.0.0-rc.1',
  '2026-03-01',
  '10.0.0.1',
  '10.0.0.0/8',
  '(',
  '^p',
  'é',
  '\ud800',
];

const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...TEXTS) },
  fc.string({ unit: 'binary', maxLength: 20 }),
);
const operator = fc.constantFrom(...Object.keys(OPERATORS), 'in_segment', 'not_in_segment', 'like', '__proto__');
const segmentKey = fc.constantFrom('staff', 'beta', 'gone');

const condition: fc.Arbitrary<FlagCondition> = fc.oneof(
  fc.record(
    {
      attribute: fc.constantFrom(...ATTRIBUTES),
      operator,
      values: fc.array(text, { maxLength: 3 }),
      caseInsensitive: fc.boolean(),
    },
    { requiredKeys: ['attribute', 'operator', 'values'] },
  ),
  fc.record({ attribute: fc.constant(''), operator: fc.constant('in_segment'), values: fc.array(segmentKey) }),
);
const conditions = fc.array(condition, { maxLength: 3 });

const percentage = fc.oneof(fc.integer({ min: 0, max: 100 }), fc.constantFrom(0, 100, -1, 101, 0.5, NaN));
const value = fc.oneof({ weight: 4, arbitrary: fc.boolean() }, fc.jsonValue({ maxDepth: 3 }));

export const ruleArbitrary: fc.Arbitrary<FlagRule> = fc.record(
  {
    ruleId: fc.constantFrom('r1', 'r2', 'r3'),
    priority: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom(NaN, Infinity, -0.5)),
    conditions,
    value,
    rolloutPercentage: percentage,
    experimentId: fc.constant(null),
    variants: fc.array(fc.record({ key: fc.constantFrom('x', 'y'), value, weight: fc.integer({ min: -1, max: 3 }) }), {
      maxLength: 3,
    }),
    bucketBy: fc.constantFrom(...ATTRIBUTES),
  },
  { requiredKeys: ['ruleId', 'priority', 'conditions', 'value', 'rolloutPercentage', 'experimentId'] },
);

const flag: fc.Arbitrary<Flag> = fc.record({
  key: fc.constantFrom(...FLAG_KEYS),
  type: fc.constantFrom('boolean', 'boolean', 'boolean', 'json', 'string', 'number'),
  defaultValue: value,
  enabled: fc.boolean().map((off) => !off),
  rules: fc.array(ruleArbitrary, { maxLength: 4 }),
  prerequisites: fc.array(
    fc.record({ flagKey: fc.constantFrom(...FLAG_KEYS, 'gone'), values: fc.array(value, { maxLength: 2 }) }),
    { maxLength: 2 },
  ),
  version: fc.integer({ min: 1, max: 9 }),
});

const segment: fc.Arbitrary<Segment> = fc.record({
  key: segmentKey,
  clauses: fc.array(fc.record({ conditions }), { maxLength: 2 }),
});

export const definitionsArbitrary: fc.Arbitrary<Definitions> = fc.record({
  version: fc.nat(),
  flags: fc.uniqueArray(flag, { selector: ({ key }) => key }),
  segments: fc.uniqueArray(segment, { selector: ({ key }) => key }),
});

const attribute = fc.oneof(
  text,
  fc.double(),
  fc.integer({ min: 0, max: 9 }),
  fc.boolean(),
  fc.array(fc.oneof(text, fc.integer({ min: 0, max: 9 }), fc.anything()), { maxLength: 4 }),
  fc.record({ city: text }),
  fc.date(),
  fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withTypedArray: true }),
);

/** What no JSON holds, and what takes revenge on whoever looks at it. */
function hostileValues(): readonly unknown[] {
  const fail = () => {
    throw new Error('looked at');
  };
  const cyclic: Record<string, unknown> = {};
  cyclic['address'] = cyclic;
  cyclic['tags'] = [cyclic];
  const methods = Object.assign(['a', 'b'], { filter: fail, map: fail, [Symbol.iterator]: fail, toString: fail });
  const getters = Object.defineProperties(
    {},
    Object.fromEntries(['plan', 'age', 'address', 'tags'].map((name) => [name, { get: fail, enumerable: true }])),
  );
  const proxy = new Proxy(
    {},
    { get: fail, getOwnPropertyDescriptor: fail, getPrototypeOf: fail, has: fail, ownKeys: fail },
  );
  const { proxy: revoked, revoke } = Proxy.revocable([], {});
  revoke();
  let deep: unknown = 'x';
  for (let level = 0; level < 10_000; level++) deep = { city: deep, address: deep };
  return [
    cyclic,
    methods,
    getters,
    proxy,
    revoked,
    deep,
    [revoked, proxy],
    new Date(NaN),
    Object.assign(new Date(0), { toISOString: fail, getTime: fail }),
    Object.create(Date.prototype),
    Object.create(null),
    JSON.parse('{"__proto__":{"plan":"pro"},"constructor":1}'),
    Symbol('s'),
    10n,
    NaN,
    -Infinity,
    fail,
    null,
    'x'.repeat(100_000),
    'é'.repeat(8_192),
    new Array(100_000).fill('pro'),
    new Array(1_000).fill('x'.repeat(8_192)),
    new Uint8Array(8),
  ];
}

const HOSTILE = hostileValues();

/** The place in `HOSTILE` of a value that fast-check itself could not carry. */
interface Hostile {
  readonly hostile: number;
}

export interface ContextParts {
  readonly targetingKey: string | undefined;
  readonly attributes: Hostile | Readonly<Record<string, { readonly plain: unknown } | Hostile>>;
}

const hostile: fc.Arbitrary<Hostile> = fc.nat(HOSTILE.length - 1).map((place) => ({ hostile: place }));

export const contextArbitrary: fc.Arbitrary<ContextParts> = fc.record({
  targetingKey: fc.oneof(text, fc.constant(undefined)),
  attributes: fc.oneof(
    {
      weight: 6,
      arbitrary: fc.dictionary(
        fc.constantFrom(...ATTRIBUTES, 'address'),
        fc.oneof({ weight: 4, arbitrary: attribute.map((plain) => ({ plain })) }, hostile),
      ),
    },
    hostile,
  ),
});

const isHostile = (parts: object): parts is Hostile => typeof (parts as Partial<Hostile>).hostile === 'number';

export function contextOf({ targetingKey, attributes }: ContextParts): FlagContext {
  if (isHostile(attributes)) return { targetingKey, attributes: HOSTILE[attributes.hostile] as never };
  const entries = Object.entries(attributes).map(([name, parts]) => [
    name,
    isHostile(parts) ? HOSTILE[parts.hostile] : parts.plain,
  ]);
  return { targetingKey, attributes: Object.fromEntries(entries) as Readonly<Record<string, unknown>> };
}
