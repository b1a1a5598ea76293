import { hash, randomBytes } from 'node:crypto';

const ROWS = 4;
/** Two bytes of a hash are a place in a row. */
const WIDTH = 65_536;
const MOST = 2 ** 32 - 1;

/**
 * How much came from whom, in 1 MB whoever comes: a count-min sketch with conservative update. Each has a place in every
 * row, by a hash that nobody outside can compute, and its count is the least of the four. So nobody is ever counted as
 * less than there was, also where thousands of addresses are invented; and only who shares all four places with others
 * is counted as more.
 */
export function addressCounts() {
  const salt = randomBytes(16).toString('hex');
  const counts = new Uint32Array(ROWS * WIDTH);

  const placesOf = (who: string): number[] => {
    const digest = hash('sha256', `${salt}/${who}`, 'buffer');
    return Array.from({ length: ROWS }, (_, row) => row * WIDTH + digest.readUInt16BE(row * 2));
  };
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
