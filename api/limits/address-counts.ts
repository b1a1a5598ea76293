import { hash, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';

const ROWS = 4;
/** Two bytes of a hash are a place in a row. */
const WIDTH = 65_536;
const MOST = 2 ** 32 - 1;
/** To hash costs more than all else here, and who sends much is asked for again and again. Some 250 bytes each. */
const MOST_REMEMBERED = 2_000;

/**
 * How much came from whom, in 1.5 MB whoever comes: a count-min sketch with conservative update. Each has a place in every
 * row, by a hash that nobody outside can compute, and its count is the least of the four. So nobody is ever counted as
 * less than there was, also where thousands of addresses are invented; and only who shares all four places with others
 * is counted as more.
 */
export function addressCounts() {
  const salt = randomBytes(16).toString('hex');
  const counts = new Uint32Array(ROWS * WIDTH);

  const remembered = new LRUCache<string, readonly number[]>({ max: MOST_REMEMBERED });

  function placesOf(who: string): readonly number[] {
    const known = remembered.get(who);
    if (known !== undefined) return known;
    const digest = hash('sha256', `${salt}/${who}`, 'buffer');
    const places = Array.from({ length: ROWS }, (_, row) => row * WIDTH + digest.readUInt16BE(row * 2));
    remembered.set(who, places);
    return places;
  }
  const least = (places: readonly number[]): number => places.reduce((min, at) => Math.min(min, counts[at] ?? 0), MOST);

  return {
    of: (who: string): number => least(placesOf(who)),

    /** @returns how much it is with this */
    add(who: string, amount: number): number {
      const places = placesOf(who);
      const sum = Math.min(least(places) + amount, MOST);
      for (const at of places) counts[at] = Math.max(counts[at] ?? 0, sum);
      return sum;
    },

    clear(): void {
      counts.fill(0);
    },
  };
}
