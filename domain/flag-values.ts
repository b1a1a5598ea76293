import type { FlagType } from './flag.js';
import { isObject, lookup } from './loose.js';

const MOST_LEVELS = 20;

/** What JSON can carry, and not nested without end. */
export function isJson(value: unknown, levels = MOST_LEVELS): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (levels === 0 || typeof value !== 'object') return false;
  return (Array.isArray(value) ? value : Object.values(value)).every((each: unknown) => isJson(each, levels - 1));
}

export const isOfType = (type: FlagType, value: unknown): boolean =>
  type === 'json' ? isJson(value) : typeof value === type && isJson(value);

/** The same to whoever reads them as JSON: the order of keys does not matter. */
export function sameJson(a: unknown, b: unknown, levels = MOST_LEVELS): boolean {
  if (a === b) return true;
  if (levels === 0) return false;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((each, index) => sameJson(each, b[index], levels - 1));
  if (!isObject(a) || !isObject(b)) return false;
  const entries = Object.entries(a);
  return (
    entries.length === Object.keys(b).length &&
    entries.every(([key, each]) => Object.hasOwn(b, key) && sameJson(each, lookup(b, key), levels - 1))
  );
}
