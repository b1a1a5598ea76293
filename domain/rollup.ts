import { HOUR_MS } from './limits.js';

/** What is counted: items of one app in one UTC hour of their own time, by type and name. */
export interface RollupCount {
  readonly kind: 'events' | 'heatmap';
  /** UTC hour number since the epoch. */
  readonly hour: number;
  readonly eventType: string;
  readonly eventName: string;
  count: number;
}

/** Counts items as they come; `add` gives back the count an item went into, so that it can be taken out again. */
export function rollupCounter() {
  const counts = new Map<string, RollupCount>();
  return {
    counts,
    add(kind: RollupCount['kind'], timestampMs: number, eventType: string, eventName: string): RollupCount {
      const hour = Math.floor(timestampMs / HOUR_MS);
      const key = `${kind}/${String(hour)}/${eventType}/${eventName}`;
      let entry = counts.get(key);
      if (entry === undefined) {
        entry = { kind, hour, eventType, eventName, count: 0 };
        counts.set(key, entry);
      }
      entry.count++;
      return entry;
    },
  };
}
