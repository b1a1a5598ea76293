import {
  addressOf,
  elementsOf,
  instantOf,
  lowerOf,
  numericOf,
  parseInstant,
  parseNetwork,
  parseNumber,
  parseRange,
  parseVersion,
  versionOf,
} from './flag-operands.js';
import { patternTest } from './flag-patterns.js';
import type { Cell } from './flag-subject.js';

export type CellTest = (cell: Cell) => boolean;

/** How many values a condition has: these numbers are exact. */
export type ValueCount = 0 | 1 | 2 | 'any';

/** docs/flag-operators.md says what each one means, and what it answers where there is nothing to compare. */
export interface Operator {
  readonly count: ValueCount;
  /** It compares text, so `caseInsensitive` means something. */
  readonly text: boolean;
  /** Worth remembering its answer for a context, since other rules may ask the same. */
  readonly costly: boolean;
  /** A text says why these values cannot be used. */
  readonly compile: (values: readonly string[], caseInsensitive: boolean) => CellTest | string;
}

type Compile = Operator['compile'];

const operator = (count: ValueCount, compile: Compile, { text = false, costly = false } = {}): Operator => ({
  count,
  text,
  costly,
  compile,
});

const TEXT = { text: true };
const COSTLY = { costly: true };

/** The opposite in every case: also where the attribute is missing or of a wrong type. */
const not = (positive: Operator): Operator => ({
  ...positive,
  compile: (values, caseInsensitive) => {
    const test = positive.compile(values, caseInsensitive);
    return typeof test === 'string' ? test : (cell) => !test(cell);
  },
});

const foldedOf = (caseInsensitive: boolean) => (text: string) => (caseInsensitive ? text.toLowerCase() : text);

/** So few are compared faster one by one than by a set. */
const FEW = 8;

/** A number is compared as a number, a text and a boolean by their text. */
const oneOf: Compile = (values, caseInsensitive) => {
  const texts = values.map(foldedOf(caseInsensitive));
  const numbers = values.map(parseNumber);
  const [text, number] = [texts[0], numbers[0]];
  if (values.length === 1)
    return (cell) => (cell.kind === 'number' ? cell.number === number : textOf(cell, caseInsensitive) === text);
  if (values.length <= FEW)
    return (cell) => {
      if (cell.kind === 'number') return numbers.includes(cell.number);
      const given = textOf(cell, caseInsensitive);
      for (const each of texts) if (each === given) return true;
      return false;
    };
  const textSet = new Set<string | undefined>(texts);
  const numberSet = new Set(numbers);
  return (cell) => (cell.kind === 'number' ? numberSet.has(cell.number) : textSet.has(textOf(cell, caseInsensitive)));
};

/** Of a text or a boolean. */
function textOf(cell: Cell, caseInsensitive: boolean): string | undefined {
  if (cell.kind === 'text') return caseInsensitive ? lowerOf(cell) : cell.text;
  return cell.kind === 'boolean' ? cell.text : undefined;
}

const inList =
  (match: 'some' | 'every'): Compile =>
  (values, caseInsensitive) => {
    const wanted = values.map(foldedOf(caseInsensitive)).map((text) => ({ text, number: parseNumber(text) }));
    return (cell) => {
      if (cell.kind !== 'list' || wanted.length === 0) return false;
      const { texts, numbers } = elementsOf(cell, caseInsensitive);
      return wanted[match](({ text, number }) => texts.has(text) || numbers.has(number));
    };
  };

const textual =
  (matches: (text: string, value: string) => boolean): Compile =>
  (values, caseInsensitive) => {
    if (values.includes('')) return 'an empty value is in every text';
    const folded = values.map(foldedOf(caseInsensitive));
    return (cell) => {
      if (cell.kind !== 'text') return false;
      const text = caseInsensitive ? lowerOf(cell) : cell.text;
      return folded.some((value) => matches(text, value));
    };
  };

/** Where a side is NaN, that is no number or no date, every comparison is false. */
const compared =
  (
    parse: (text: string) => number,
    read: (cell: Cell) => number,
    holds: (given: number, value: number) => boolean,
    what: string,
  ): Compile =>
  ([text = '']) => {
    const value = parse(text);
    return Number.isNaN(value) ? `${shown(text)} is no ${what}` : (cell) => holds(read(cell), value);
  };

const numeric = (holds: (given: number, value: number) => boolean) =>
  operator(1, compared(parseNumber, numericOf, holds, 'number'));

const dated = (holds: (given: number, value: number) => boolean) =>
  operator(1, compared(parseInstant, instantOf, holds, 'date (ISO 8601 with a zone, or milliseconds since 1970)'));

const between: Compile = ([lowest = '', highest = '']) => {
  const [from, to] = [parseNumber(lowest), parseNumber(highest)];
  if (!(from <= to)) return `${shown(lowest)} and ${shown(highest)} are no two numbers, the lower one first`;
  return (cell) => {
    const given = numericOf(cell);
    return given >= from && given <= to;
  };
};

const versioned = (holds: (order: number) => boolean) =>
  operator(1, ([text = '']) => {
    const value = parseVersion(text);
    if (value === null) return `${shown(text)} is no semantic version`;
    return (cell) => {
      const given = versionOf(cell);
      return given !== null && holds(given.compare(value));
    };
  });

const ranged: Compile = ([text = '']) => {
  const range = parseRange(text);
  if (range === null) return `${shown(text)} is no range of semantic versions`;
  return (cell) => {
    const given = versionOf(cell);
    return given !== null && range.test(given);
  };
};

const cidr: Compile = (values) => {
  const networks = values.map(parseNetwork);
  const bad = networks.indexOf(null);
  if (bad !== -1) return `${shown(values[bad] ?? '')} is no IP address and no network like 10.0.0.0/8`;
  return (cell) => {
    const address = addressOf(cell);
    if (address === null) return false;
    return networks.some(
      (network) => network !== null && network[0].kind() === address.kind() && address.match(network[0], network[1]),
    );
  };
};

const shown = (value: string): string => JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}...` : value);

const equals = operator(1, oneOf, TEXT);
const isIn = operator('any', oneOf, TEXT);
const contains = operator(
  'any',
  textual((text, value) => text.includes(value)),
  TEXT,
);
const exists = operator(0, () => (cell) => cell.kind !== 'missing');

/** Those that look at an attribute; `in_segment` and `not_in_segment` are the rule's (`flag-conditions.ts`). */
export const OPERATORS = {
  equals,
  not_equals: not(equals),
  in: isIn,
  not_in: not(isIn),
  contains,
  not_contains: not(contains),
  starts_with: operator(
    'any',
    textual((text, value) => text.startsWith(value)),
    TEXT,
  ),
  ends_with: operator(
    'any',
    textual((text, value) => text.endsWith(value)),
    TEXT,
  ),
  matches: operator('any', patternTest, { text: true, costly: true }),
  gt: numeric((given, value) => given > value),
  gte: numeric((given, value) => given >= value),
  lt: numeric((given, value) => given < value),
  lte: numeric((given, value) => given <= value),
  between: operator(2, between),
  before: dated((given, value) => given < value),
  after: dated((given, value) => given > value),
  exists,
  not_exists: not(exists),
  semver_eq: versioned((order) => order === 0),
  semver_gt: versioned((order) => order > 0),
  semver_gte: versioned((order) => order >= 0),
  semver_lt: versioned((order) => order < 0),
  semver_lte: versioned((order) => order <= 0),
  semver_range: operator(1, ranged, COSTLY),
  cidr: operator('any', cidr, COSTLY),
  array_any: operator('any', inList('some'), { text: true, costly: true }),
  array_all: operator('any', inList('every'), { text: true, costly: true }),
} as const satisfies Readonly<Record<string, Operator>>;
