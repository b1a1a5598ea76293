import { deeperThan } from './limits.js';

/** For JSON whose shape nobody promises: what is of a wrong type is as if it were not there. */
export type Json = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const objectOf = (value: unknown): Json => (isObject(value) ? value : {});

export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);

/** Ids and names are numbers in some clients. */
export const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';

/** A count, a line, a size in pixels: whole, and 0 where it is not. */
export const wholeOf = (value: unknown): number => {
  const whole = typeof value === 'number' ? Math.floor(value) : 0;
  return Number.isSafeInteger(whole) && whole > 0 ? whole : 0;
};

const MOST_LEVELS = 20;

/** Nested more deeply than anybody means it. */
export const tooDeep = (value: unknown): boolean => deeperThan(value, MOST_LEVELS);

/** Whatever it is, as text: objects as JSON. */
export function asText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined || tooDeep(value)) return '';
  return JSON.stringify(value);
}

/** What stands under a name from outside. `constructor` and what else every object inherits is not there. */
export const lookup = <T>(record: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined;

/** Sets a key from outside. `__proto__` is one like any other: plain assignment would make it the prototype. */
export function own<T>(record: Record<string, T>, key: string, value: T): void {
  if (key !== '__proto__') record[key] = value;
  else Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true });
}

/** What is empty is left out. @param most as many as are taken: more would only be cut off again */
export function textMap(entries: Iterable<readonly [string, unknown]>, most: number): Record<string, string> {
  const map: Record<string, string> = {};
  let taken = 0;
  for (const [key, value] of entries) {
    const text = asText(value);
    if (key === '' || text === '') continue;
    own(map, key, text);
    taken += 1;
    if (taken === most) break;
  }
  return map;
}

/** The objects at the beginning of a list. @param most entries that are looked at */
export const firstObjects = (list: unknown, most: number): readonly Json[] =>
  listOf(list).slice(0, most).filter(isObject);

/** The last objects of a list, in its order. */
export function lastObjects(list: unknown, most: number): readonly Json[] {
  const all = listOf(list);
  const found: Json[] = [];
  for (let at = all.length - 1; at >= 0 && found.length < most; at--) {
    const each = all[at];
    if (isObject(each)) found.push(each);
  }
  return found.reverse();
}
