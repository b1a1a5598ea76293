import { pointerStep } from './json-value.js';
import { compile } from './pattern.js';

/** Bounds on a schema, and so on what a check costs: at most each of its schemas over all of the value. */
export const VALUE_SCHEMA = { chars: 16 * 1024, schemas: 100, levels: 20, patternInstructions: 500 } as const;

export interface ValueSchema {
  /** What is wrong with this value; undefined where it fits. */
  readonly faultOf: Test;
}

interface SchemaFault {
  /** Where in the value, as a JSON pointer. */
  readonly path: string;
  readonly why: string;
}

type Test = (value: unknown) => SchemaFault | undefined;
type Json = Readonly<Record<string, unknown>>;

interface Place {
  /** Of the keyword in the whole schema, as a JSON pointer. */
  readonly path: string;
  /** How many more may be nested here. */
  readonly levels: number;
  /** Of the whole schema, as it is gone through. */
  readonly seen: { schemas: number; instructions: number };
}

type Keyword = (given: unknown, place: Place, beside: Json) => Test;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

/** Caught at the one entrance, since schemas are nested. */
const malformed = ({ path }: Place, why: string): SyntaxError => new SyntaxError(`${path} ${why}`);

const below = (place: Place, step: string | number): Place => ({
  ...place,
  path: `${place.path}/${pointerStep(String(step))}`,
});

const fits: Test = () => undefined;
const rule =
  <T>(applies: (value: unknown) => value is T, why: string, holds: (value: T) => boolean): Test =>
  (value) =>
    !applies(value) || holds(value) ? undefined : { path: '', why };

function within(step: string | number, fault: SchemaFault | undefined): SchemaFault | undefined {
  return fault && { path: `/${pointerStep(String(step))}${fault.path}`, why: fault.why };
}

function first(tests: readonly Test[], value: unknown): SchemaFault | undefined {
  for (const test of tests) {
    const fault = test(value);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** The same text for the same value, in whatever order its names stand. */
function canonical(value: unknown): string {
  if (isList(value)) return `[${value.map(canonical).join()}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, each]) => `${JSON.stringify(name)}:${canonical(each)}`).join()}}`;
}

const isNumber = (value: unknown) => typeof value === 'number';
const isText = (value: unknown) => typeof value === 'string';

const TYPES: ReadonlyMap<unknown, (value: unknown) => boolean> = new Map([
  ['null', (value: unknown) => value === null],
  ['boolean', (value: unknown) => typeof value === 'boolean'],
  ['object', isObject],
  ['array', isList],
  ['number', isNumber],
  ['integer', Number.isInteger],
  ['string', isText],
]);

const limit =
  (why: string, holds: (value: number, bound: number) => boolean): Keyword =>
  (bound, place) => {
    if (!isNumber(bound)) throw malformed(place, 'is no number');
    return rule(isNumber, `${why} ${String(bound)}`, (value) => holds(value, bound));
  };

const size =
  <T>(applies: (value: unknown) => value is T, sizeOf: (value: T) => number, what: string, isLeast: boolean): Keyword =>
  (bound, place) => {
    if (!isCount(bound)) throw malformed(place, 'is no count');
    const why = `has ${isLeast ? 'less' : 'more'} than ${String(bound)} ${what}`;
    return rule(applies, why, (value) => (isLeast ? sizeOf(value) >= bound : sizeOf(value) <= bound));
  };

function codePoints(text: string): number {
  let count = 0;
  for (const character of text) if (character !== '') count++;
  return count;
}
const namesIn = (value: Json) => Object.keys(value).length;
const itemsIn = (value: readonly unknown[]) => value.length;

const several =
  (judge: (tests: readonly Test[], value: unknown) => SchemaFault | undefined): Keyword =>
  (given, place) => {
    if (!isList(given) || given.length === 0) throw malformed(place, 'is no list of schemas');
    const tests = given.map((each, n) => schema(each, below(place, n)));
    return (value) => judge(tests, value);
  };

const oneOfThese =
  (why: string): ((values: readonly unknown[]) => Test) =>
  (values) => {
    const texts = new Set(values.map(canonical));
    return (value) => (texts.has(canonical(value)) ? undefined : { path: '', why });
  };

/** Everything that a schema may say. What it may not is refused: a keyword that did nothing would deceive. */
const KEYWORDS: ReadonlyMap<string, Keyword> = new Map<string, Keyword>([
  ...['$schema', '$comment', 'title', 'description', 'default', 'examples', 'deprecated'].map(
    (name): [string, Keyword] => [name, () => fits],
  ),
  [
    'type',
    (given, place) => {
      const types = isList(given) ? given : [given];
      const tests = types.flatMap((type) => TYPES.get(type) ?? []);
      const names = [...TYPES.keys()].join(', ');
      if (tests.length === 0 || tests.length < types.length) throw malformed(place, `is none of ${names}`);
      const why = `is no ${types.join(' and no ')}`;
      return (value) => (tests.some((test) => test(value)) ? undefined : { path: '', why });
    },
  ],
  ['const', (given) => oneOfThese('is not the one value that is allowed')([given])],
  [
    'enum',
    (given, place) => {
      if (!isList(given) || given.length === 0) throw malformed(place, 'is no list of values');
      return oneOfThese('is none of the values that are allowed')(given);
    },
  ],
  ['minimum', limit('is less than', (value, bound) => value >= bound)],
  ['maximum', limit('is more than', (value, bound) => value <= bound)],
  ['exclusiveMinimum', limit('is not more than', (value, bound) => value > bound)],
  ['exclusiveMaximum', limit('is not less than', (value, bound) => value < bound)],
  [
    'multipleOf',
    (given, place, beside) => {
      if (!isNumber(given) || given <= 0) throw malformed(place, 'is no number above zero');
      const times = (value: number, bound: number) => {
        const quotient = value / bound;
        // 0.3 is three times 0.1, whatever floating point says.
        return Math.abs(quotient - Math.round(quotient)) <= 1e-9 * Math.max(1, Math.abs(quotient));
      };
      return limit('is no multiple of', times)(given, place, beside);
    },
  ],
  ['minLength', size(isText, codePoints, 'characters', true)],
  ['maxLength', size(isText, codePoints, 'characters', false)],
  ['minItems', size(isList, itemsIn, 'items', true)],
  ['maxItems', size(isList, itemsIn, 'items', false)],
  ['minProperties', size(isObject, namesIn, 'names', true)],
  ['maxProperties', size(isObject, namesIn, 'names', false)],
  [
    'pattern',
    (given, place) => {
      const pattern = isText(given) ? compile(given) : undefined;
      if (pattern === undefined) throw malformed(place, 'is no pattern in RE2 syntax');
      place.seen.instructions += pattern.matcher('').programSize();
      if (place.seen.instructions > VALUE_SCHEMA.patternInstructions)
        throw malformed(place, 'makes the patterns too large together');
      return rule(isText, `does not match ${String(given)}`, (value) => pattern.test(value));
    },
  ],
  [
    'uniqueItems',
    (given, place) => {
      if (typeof given !== 'boolean') throw malformed(place, 'is neither true nor false');
      if (!given) return fits;
      return rule(isList, 'has an item twice', (value) => new Set(value.map(canonical)).size === value.length);
    },
  ],
  [
    'items',
    (given, place, { prefixItems }) => {
      const test = schema(given, place);
      const from = isList(prefixItems) ? prefixItems.length : 0;
      return (value) => (isList(value) ? firstOf(value.entries(), (n) => (n < from ? fits : test)) : undefined);
    },
  ],
  [
    'prefixItems',
    (given, place) => {
      if (!isList(given) || given.length === 0) throw malformed(place, 'is no list of schemas');
      const tests = given.map((each, n) => schema(each, below(place, n)));
      return (value) => (isList(value) ? firstOf(value.entries(), (n) => tests[n] ?? fits) : undefined);
    },
  ],
  [
    'properties',
    (given, place) => {
      if (!isObject(given)) throw malformed(place, 'is no object');
      const tests = new Map(Object.entries(given).map(([name, each]) => [name, schema(each, below(place, name))]));
      return (value) =>
        isObject(value) ? firstOf(Object.entries(value), (name) => tests.get(name) ?? fits) : undefined;
    },
  ],
  [
    'additionalProperties',
    (given, place, { properties }) => {
      const test = schema(given, place);
      const known = new Set(isObject(properties) ? Object.keys(properties) : []);
      return (value) =>
        isObject(value) ? firstOf(Object.entries(value), (name) => (known.has(name) ? fits : test)) : undefined;
    },
  ],
  [
    'required',
    (given, place) => {
      if (!isList(given) || !given.every(isText)) throw malformed(place, 'is no list of names');
      return (value) => {
        const missing = isObject(value) ? given.find((name) => !Object.hasOwn(value, name)) : undefined;
        return missing === undefined ? undefined : { path: '', why: `has no ${JSON.stringify(missing)}` };
      };
    },
  ],
  ['allOf', several(first)],
  ['anyOf', several((tests, value) => (tests.some((test) => !test(value)) ? undefined : misfit('any')))],
  ['oneOf', several((tests, value) => (tests.filter((test) => !test(value)).length === 1 ? undefined : misfit('one')))],
  [
    'not',
    (given, place) => {
      const test = schema(given, place);
      return (value) => (test(value) === undefined ? { path: '', why: 'fits what it must not' } : undefined);
    },
  ],
]);

const misfit = (which: 'any' | 'one'): SchemaFault => ({
  path: '',
  why: which === 'any' ? 'fits none of the schemas' : 'does not fit exactly one of the schemas',
});

/** What the first of the parts is refused for. */
function firstOf<K extends string | number>(
  parts: Iterable<readonly [K, unknown]>,
  testOf: (key: K) => Test,
): SchemaFault | undefined {
  for (const [key, part] of parts) {
    const fault = within(key, testOf(key)(part));
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function schema(given: unknown, place: Place): Test {
  if (++place.seen.schemas > VALUE_SCHEMA.schemas) throw malformed(place, 'is one schema too many');
  if (place.levels === 0) throw malformed(place, 'is nested too deep');
  if (given === true) return fits;
  if (given === false) return () => ({ path: '', why: 'may not be there' });
  if (!isObject(given)) throw malformed(place, 'is no schema');
  const tests = Object.entries(given).map(([name, value]) => {
    const at = { ...below(place, name), levels: place.levels - 1 };
    const keyword = KEYWORDS.get(name);
    if (keyword === undefined) throw malformed(at, 'is a keyword that is not supported');
    return keyword(value, at, given);
  });
  return (value) => first(tests, value);
}

/**
 * A schema that values can be checked by, or in words why it is none. A subset of JSON Schema 2020-12 without
 * references, so that checking takes time in proportion to schema and value. Both are JSON that `jsonFault` has passed.
 */
export function valueSchema(given: unknown): ValueSchema | string {
  const seen = { schemas: 0, instructions: 0 };
  try {
    return { faultOf: schema(given, { path: '', levels: VALUE_SCHEMA.levels, seen }) };
  } catch (error) {
    if (error instanceof SyntaxError) return error.message;
    throw error;
  }
}
