import { finished } from './steps.js';

/** Deeper values are refused: whoever walks one may then do so by recursion. */
const LEVELS = 40;
/** So many values are looked at in one step: a few ms. */
const STEP_VALUES = 20_000;

const LONE_SURROGATE = /\p{Surrogate}/u;

export interface JsonFault {
  /** A JSON pointer. */
  readonly path: string;
  readonly why: string;
}

/** A list or an object on the way to a value. */
interface Level {
  readonly names: readonly string[] | undefined;
  readonly values: readonly unknown[];
  /** Of the next one that is looked at. */
  at: number;
}

/** Why a value, parsed from JSON, would not come back from the store as it is, and where; undefined where it would. */
export const jsonFault = (value: unknown): JsonFault | undefined => finished(jsonFaultSteps(value));

/** As `jsonFault`, in steps of a few ms; between them its caller may do something else. */
export function* jsonFaultSteps(root: unknown): Generator<undefined, JsonFault | undefined> {
  const levels: Level[] = [{ names: undefined, values: [root], at: 0 }];
  for (let looked = 1; ; looked++) {
    const level = levels.at(-1);
    if (level === undefined) return undefined;
    if (level.at === level.values.length) {
      levels.pop();
      continue;
    }
    const value = level.values[level.at++];
    const why = faultOf(value, levels.length - 1);
    if (why !== undefined) return { path: levels.slice(1).map(stepInto).join(''), why };
    if (typeof value === 'object' && value !== null) levels.push(levelOf(value));
    if (looked % STEP_VALUES === 0) yield;
  }
}

/** Whether a value is longer than that as JSON; where it is, most of it is not even looked at. */
export function isLongerThan(value: unknown, chars: number): boolean {
  let least = 0;
  const open: unknown[] = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next === 'string') least += next.length + 1;
    if (typeof next === 'object' && next !== null) {
      if (!Array.isArray(next)) for (const key of Object.keys(next)) least += key.length + 3;
      const inner: readonly unknown[] = Object.values(next);
      // Each with what parts it from the next.
      least += inner.length * 2;
      if (least <= chars) for (const each of inner) open.push(each);
    }
    if (least > chars) return true;
  }
  return JSON.stringify(value).length > chars;
}

/** One step of a JSON pointer. */
export const pointerStep = (key: string): string => key.slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1');

const stepInto = ({ names, at }: Level): string => `/${pointerStep(names?.[at - 1] ?? String(at - 1))}`;

const levelOf = (value: object): Level =>
  Array.isArray(value)
    ? { names: undefined, values: value, at: 0 }
    : { names: Object.keys(value), values: Object.values(value), at: 0 };

/** Of a value by itself. */
function faultOf(value: unknown, depth: number): string | undefined {
  if (typeof value === 'string') return LONE_SURROGATE.test(value) ? 'is no well-formed text' : undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'is too large a number';
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth === LEVELS) return 'is nested too deep';
  return Array.isArray(value) ? undefined : keysFault(value);
}

/** What BSON cannot hold, and what the driver takes for types of its own. */
function keysFault(value: object): string | undefined {
  for (const key of Object.keys(value)) {
    if (key.includes('\0')) return 'has a name with a NUL';
    if (LONE_SURROGATE.test(key)) return 'has a name that is no well-formed text';
    if (key === '_bsontype') return 'has the name "_bsontype", which the store keeps for itself';
  }
  const isReference = Object.hasOwn(value, '$ref') && Object.hasOwn(value, '$id');
  return isReference ? 'has both "$ref" and "$id", which the store takes for a reference' : undefined;
}
