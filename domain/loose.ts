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

/** Whatever it is, as text: objects as JSON, unless they are nested so deeply that nobody means it. */
export function asText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined || deeperThan(value, MOST_LEVELS)) return '';
  return JSON.stringify(value);
}

/** As data: also `__proto__` is a key like any other. What is empty is left out. */
export function textMap(entries: Iterable<readonly [string, unknown]>): Record<string, string> {
  const map: Record<string, string> = {};
  for (const [key, value] of entries) {
    const text = asText(value);
    if (key === '' || text === '') continue;
    Object.defineProperty(map, key, { value: text, enumerable: true, configurable: true, writable: true });
  }
  return map;
}
