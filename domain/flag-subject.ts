import type { FlagContext } from './flag.js';
import type { Address, Version } from './flag-operands.js';
import { lookup } from './loose.js';
import { utf8 } from './utf8.js';

/** Longer texts and lists are of a wrong type for every operator: what an attribute costs has a bound. */
const MOST_CHARS = 8_192;
const MOST_ELEMENTS = 1_000;

type Scalar = string | number | boolean;

/**
 * One attribute of one context as JSON would have it, read once. What JSON leaves out or makes null (functions, NaN) is
 * missing; `other` is there and nothing that can be compared.
 */
export interface Cell {
  readonly kind: 'missing' | 'text' | 'number' | 'boolean' | 'list' | 'other';
  /** Of a boolean `true` or `false`. */
  readonly text: string;
  readonly number: number;
  readonly list: readonly Scalar[];
  /** What operators made of it, so that each makes it once: see `flag-operands.ts`. */
  lower: string | undefined;
  numeric: number | undefined;
  bytes: Uint8Array | undefined;
  made: Made | undefined;
}

/** What only some operators need. */
interface Made {
  instant?: number;
  version?: Version | null;
  address?: Address | null;
  elements?: Elements;
  lowerElements?: Elements;
}

/** What a list holds; booleans by their text. */
export interface Elements {
  readonly texts: ReadonlySet<string>;
  readonly numbers: ReadonlySet<number>;
}

const cell = (kind: Cell['kind'], text = '', number = NaN, list: readonly Scalar[] = []): Cell => ({
  kind,
  text,
  number,
  list,
  lower: undefined,
  numeric: undefined,
  bytes: undefined,
  made: undefined,
});

const MISSING = cell('missing');
const OTHER = cell('other');

function cellOf(value: unknown): Cell {
  switch (typeof value) {
    case 'string':
      return value.length > MOST_CHARS ? OTHER : cell('text', value);
    case 'number':
      return Number.isFinite(value) ? cell('number', '', value) : MISSING;
    case 'boolean':
      return cell('boolean', value ? 'true' : 'false');
    case 'object':
      if (value === null) return MISSING;
      if (Array.isArray(value)) return value.length > MOST_ELEMENTS ? OTHER : cell('list', '', NaN, scalars(value));
      return value instanceof Date ? dateCell(Date.prototype.getTime.call(value)) : OTHER;
    default:
      return MISSING;
  }
}

const dateCell = (ms: number): Cell => (Number.isNaN(ms) ? MISSING : cell('text', new Date(ms).toISOString()));

/** By index: an array of somebody else may have methods of its own. */
function scalars(list: readonly unknown[]): readonly Scalar[] {
  const found: Scalar[] = [];
  for (let i = 0; i < list.length && i < MOST_ELEMENTS; i++) {
    const each = list[i];
    if (typeof each === 'string' && each.length <= MOST_CHARS) found.push(each);
    else if (typeof each === 'boolean' || (typeof each === 'number' && Number.isFinite(each))) found.push(each);
  }
  return found;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** An attribute of just this name comes before a path; only own ones count, so `constructor` is nothing to anybody. */
function find(attributes: unknown, attribute: string, path: readonly string[]): unknown {
  if (!isRecord(attributes)) return undefined;
  const named = lookup(attributes, attribute);
  if (named !== undefined || path.length === 1) return named;
  let value: unknown = attributes;
  for (const name of path) {
    if (!isRecord(value)) return undefined;
    value = lookup(value, name);
  }
  return value;
}

export const TARGETING_KEY = 'targetingKey';

/** Reads one attribute of any context; a getter or a proxy that throws is an attribute that is not there. */
export function readerOf(attribute: string): (context: FlagContext) => Cell {
  const path = attribute.split('.');
  return (context) => {
    try {
      return cellOf(attribute === TARGETING_KEY ? context.targetingKey : find(context.attributes, attribute, path));
    } catch {
      return MISSING;
    }
  };
}

/** One context while flags are evaluated for it. Slots and memo are numbered by whoever compiled the flags. */
export interface Subject {
  readonly context: FlagContext;
  /** One a slot. */
  readonly readers: readonly ((context: FlagContext) => Cell)[];
  readonly cells: (Cell | undefined)[];
  /** Answers of costly conditions: 0 not asked, 1 false, 2 true. */
  readonly memo: Uint8Array;
}

/** What is hashed: a text that is not empty, or a whole number. Undefined where it is neither. */
export function hashedBytes(cell: Cell): Uint8Array | undefined {
  if (cell.bytes !== undefined) return cell.bytes;
  if (cell.kind === 'text' ? cell.text === '' : !Number.isSafeInteger(cell.number)) return undefined;
  cell.bytes = utf8(cell.kind === 'text' ? cell.text : String(cell.number));
  return cell.bytes;
}
