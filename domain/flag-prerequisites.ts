import type { Flag } from './flag.js';
import { FLAG_LIMITS } from './flag-limits.js';

type Node = Pick<Flag, 'key' | 'prerequisites'>;

/**
 * The flags whose prerequisites come to an end: neither they nor any flag behind them are in a cycle, and there are not
 * too many levels of them. A prerequisite on any other flag is never met, whichever flag is asked first.
 */
export function endingFlags(flags: readonly Node[]): ReadonlySet<string> {
  const dependents = new Map<string, string[]>(flags.map(({ key }) => [key, []]));
  const waiting = new Map<string, number>();
  for (const { key, prerequisites } of flags) {
    const existing = prerequisites.filter(({ flagKey }) => dependents.has(flagKey));
    for (const { flagKey } of existing) dependents.get(flagKey)?.push(key);
    waiting.set(key, existing.length);
  }

  const ending = new Set<string>();
  let level = flags.filter(({ key }) => waiting.get(key) === 0).map(({ key }) => key);
  for (let depth = 0; depth <= FLAG_LIMITS.prerequisiteLevels && level.length > 0; depth++) {
    const next: string[] = [];
    for (const key of level) {
      ending.add(key);
      for (const dependent of dependents.get(key) ?? []) {
        const left = (waiting.get(dependent) ?? 0) - 1;
        waiting.set(dependent, left);
        if (left === 0) next.push(dependent);
      }
    }
    level = next;
  }
  return ending;
}
